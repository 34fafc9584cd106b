/* Weights of the caller's: what follows from them alone is made once, when they are loaded. */

static int prepare(unsigned char *numbers) {
    static __thread _Alignas(64) unsigned char memory[PREPARING_BYTES];
    int64_t *control = (void *)memory;
    int64_t *bases = (void *)(memory + rounded(CONTROL * 8));
    int64_t *table = (void *)(memory + rounded(CONTROL * 8) + rounded(SPACES * 8));
    if (numbers == NULL) return NULL_POINTER;
    if (!processor_fits()) return WRONG_PROCESSOR;
    unsigned char *made_of = numbers + MADE_AT * sizeof(real_word);
    memcpy(made_of, made, MADE_BYTES);
    if (preparing.words == 0) return 0;
    memset(memory, 0, sizeof memory);
    place_table(table, &preparing, NULL);
    control[AT_THREADS] = control[AT_STEPS] = 1;
    control[AT_BASES] = address_of(bases);
    bases[AT_PERSISTENT] = address_of(numbers);
    bases[AT_UNIFORM] = address_of(made_of);
    walk(control, table);
    return 0;
}
