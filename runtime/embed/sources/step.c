/* What every step of training has in common: from one state to the next. */

static size_t up_to(size_t *end, size_t bytes) {
    const size_t start = *end;
    *end += rounded(bytes);
    return start;
}

/* What is checked before the inputs are. */
static int check_call(void *const *results, const void *state, int64_t n, const void *workspace) {
    if (n != BATCH) return WRONG_SIZE;
    if (!processor_fits()) return WRONG_PROCESSOR;
    if (state == NULL || workspace == NULL) return NULL_POINTER;
    const index_word turn = SCHEDULE_ROWS > 0 ? ((const index_word *)state)[SCHEDULE_AT] : 0;
    if (SCHEDULE_ROWS > 0 && (turn < 0 || turn >= SCHEDULE_ROWS)) return SCHEDULE_ENDED;
    for (int k = 0; k < RESULTS; k++)
        if (results[k] == NULL) return NULL_POINTER;
    return 0;
}

/* The first cache line of a workspace, less the 64 bytes at which layouts begin. */
static unsigned char *cleared(unsigned char *workspace, size_t end) {
    workspace += rounded((size_t)(uintptr_t)workspace) - (size_t)(uintptr_t)workspace;
    memset(workspace, 0, end - 64);
    return workspace - 64;
}

/* Run all stages; the spaces and arrays of this call have been placed. */
static void walk_all(void *control_at, int64_t *bases, void *table, void *state,
                     void *const *results) {
    int64_t *control = control_at;
    control[AT_THREADS] = control[AT_STEPS] = 1;
    control[AT_BASES] = address_of(bases);
    bases[AT_PERSISTENT] = address_of(state);
    for (int k = 0; k < RESULTS; k++)
        bases[AT_ARRAY + ARRAYS + k] = address_of(results[k]);
    walk(control, table);
}
