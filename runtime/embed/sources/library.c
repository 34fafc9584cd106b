/* How a built model runs: what every library of this kind has in common.

   The model is a table of words that the function `walk` goes through: which kernel, on which
   addresses, how often.  A call copies the table into its workspace and writes the addresses into
   the copy.  So nothing is allocated, nothing is shared, and any number of threads may call. */

static size_t rounded(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static int64_t address_of(const void *place) {
    return (int64_t)(intptr_t)place;
}

static const struct block_table *table_for(int64_t n) {
    const struct block_table *found = &tables[0];
    for (int k = 1; k < TABLES; k++)
        if (tables[k].block <= n) found = &tables[k];
    return found;
}

static size_t room_of(const struct block_table *of) {
    return 64 + rounded(CONTROL * 8) + rounded(SPACES * 8) + rounded((size_t)of->words * 8) +
           rounded((size_t)of->block_bytes);
}

/* Whether this processor has all that the kernels were compiled for. */
static int processor_fits(void) {
#if PROCESSOR_IS_CHECKED && (defined(__x86_64__) || defined(__i386__))
    __builtin_cpu_init();
    return PROCESSOR_HAS;
#else
    return 1;
#endif
}

/* Whether every whole number says one of its classes. */
static int classes_fit(const struct array_kind *kind, const index_word *given, int64_t n) {
    if (kind->classes == 0) return 1;
    for (int64_t i = 0; i < n * kind->size; i++)
        if (given[i] < 0 || given[i] >= kind->classes) return 0;
    return 1;
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

static int run(void *const *arrays, int64_t n, void *workspace, size_t bytes) {
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
    memcpy(table, of->table, (size_t)of->words * 8);
    memset(block, 0, (size_t)of->block_bytes);
    for (int64_t k = 0; k < of->kernels; k++)
        table[of->kernel_places[k].at] = (int64_t)(intptr_t)kernels[of->kernel_places[k].of];
    for (int64_t k = 0; k < of->arguments; k++)
        table[of->argument_places[k].at] = address_of(table + of->argument_places[k].of);
    table[AT_EXAMPLES] = n;
    table[AT_BLOCKS] = (n + of->block - 1) / of->block;
    table[AT_CHUNKS] = table[AT_END_CHUNK] = 1;
    control[AT_THREADS] = control[AT_STEPS] = 1;
    control[AT_BASES] = address_of(bases);
    bases[AT_PERSISTENT] = address_of(weights);
    bases[AT_UNIFORM] = address_of(made);
    bases[AT_BLOCK] = bases[AT_PARTIAL] = address_of(block);
    for (int k = 0; k < ARRAYS; k++)
        bases[AT_ARRAY + k] = address_of(arrays[k]);
    walk(address_of(control), address_of(table), 0, 0, 0);
    return 0;
}
