/* How a model without sequences runs: all examples by one call of `walk`. */

static const struct numbers inside = {own_weights, made};

static size_t room_of(const struct block_table *of) {
    return 64 + rounded(CONTROL * 8) + rounded(SPACES * 8) + rounded((size_t)of->words * 8) +
           rounded((size_t)of->block_bytes);
}

static int check(void *const *arrays, int64_t n, const void *workspace, size_t bytes) {
    if (n < 0) return WRONG_SIZE;
    if (!processor_fits()) return WRONG_PROCESSOR;
    if (n == 0) return 0;
    if (workspace == NULL) return NULL_POINTER;
    if (bytes < room_of(table_for(n))) return SMALL_WORKSPACE;
    for (int k = 0; k < ARRAYS; k++)
        if (arrays[k] == NULL) return NULL_POINTER;
    for (int k = 0; k < ARRAYS; k++)
        if (kinds[k].is_input && !classes_fit(&kinds[k], arrays[k], n)) return WRONG_CLASS;
    return 0;
}

static int run(const struct numbers *numbers, void *const *arrays, int64_t n, void *workspace,
               size_t bytes) {
    int fault = check(arrays, n, workspace, bytes);
    if (fault != 0 || n == 0) return fault;
    const struct block_table *of = table_for(n);
    unsigned char *at = workspace;
    at += rounded((size_t)(uintptr_t)at) - (size_t)(uintptr_t)at;
    int64_t *control = (void *)at;
    int64_t *bases = (void *)(at += rounded(CONTROL * 8));
    int64_t *table = (void *)(at += rounded(SPACES * 8));
    unsigned char *block = at + rounded((size_t)of->words * 8);
    memset(control, 0, CONTROL * 8);
    memset(bases, 0, SPACES * 8);
    memset(block, 0, (size_t)of->block_bytes);
    place_table(table, of, NULL);
    table[AT_EXAMPLES] = n;
    table[AT_BLOCKS] = (n + of->block - 1) / of->block;
    table[AT_CHUNKS] = table[AT_END_CHUNK] = 1;
    control[AT_THREADS] = control[AT_STEPS] = 1;
    control[AT_BASES] = address_of(bases);
    bases[AT_PERSISTENT] = address_of(numbers->kept);
    bases[AT_UNIFORM] = address_of(numbers->made);
    bases[AT_BLOCK] = bases[AT_PARTIAL] = address_of(block);
    for (int k = 0; k < ARRAYS; k++)
        bases[AT_ARRAY + k] = address_of(arrays[k]);
    walk(control, table);
    return 0;
}
