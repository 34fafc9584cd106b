/* How a step of training without sequences runs: all stages, on one batch. */

struct layout { size_t control, bases, table, made, partial, block, arrays[ARRAYS], end; };

static struct layout layout_of(void) {
    const struct block_table *of = table_for(BATCH);
    struct layout at;
    at.end = 64;
    at.control = up_to(&at.end, CONTROL * 8);
    at.bases = up_to(&at.end, SPACES * 8);
    at.table = up_to(&at.end, (size_t)of->words * 8);
    at.made = up_to(&at.end, UNIFORM_BYTES);
    at.partial = up_to(&at.end, PARTIAL_BYTES);
    at.block = up_to(&at.end, (size_t)of->block_bytes);
    for (int k = 0; k < ARRAYS; k++) {
        const size_t words = kinds[k].is_input ? 0 : (size_t)(BATCH * kinds[k].size);
        at.arrays[k] = up_to(&at.end, words * sizeof(real_word));
    }
    return at;
}

static size_t workspace_of(int64_t n) {
    return n == BATCH ? layout_of().end : 0;
}

static int check(void *const *arrays, void *const *results, const void *state, int64_t n,
                 const void *workspace, size_t bytes) {
    const int fault = check_call(results, state, n, workspace);
    if (fault != 0) return fault;
    for (int k = 0; k < ARRAYS; k++) {
        if (!kinds[k].is_input) continue;
        if (arrays[k] == NULL) return NULL_POINTER;
        if (!classes_fit(&kinds[k], arrays[k], n)) return WRONG_CLASS;
    }
    return bytes < layout_of().end ? SMALL_WORKSPACE : 0;
}

static int run(void *const *arrays, void *const *results, void *state, int64_t n, void *workspace,
               size_t bytes) {
    const int fault = check(arrays, results, state, n, workspace, bytes);
    if (fault != 0) return fault;
    const struct layout at = layout_of();
    unsigned char *base = cleared(workspace, at.end);
    int64_t *bases = (void *)(base + at.bases);
    place_table((void *)(base + at.table), table_for(BATCH), NULL);
    memcpy(base + at.made, made, MADE_BYTES);
    bases[AT_UNIFORM] = address_of(base + at.made);
    bases[AT_PARTIAL] = address_of(base + at.partial);
    bases[AT_BLOCK] = address_of(base + at.block);
    for (int k = 0; k < ARRAYS; k++)
        bases[AT_ARRAY + k] = address_of(kinds[k].is_input ? arrays[k] : base + at.arrays[k]);
    walk_all(base + at.control, bases, base + at.table, state, results);
    return 0;
}
