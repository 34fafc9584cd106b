/* How a step of training runs: all stages, on one batch, from one state to the next. */

static size_t up_to(size_t *end, size_t bytes) {
    const size_t start = *end;
    *end += rounded(bytes);
    return start;
}

struct layout { size_t control, bases, table, made, partial, block, arrays[ARRAYS], end; };

static struct layout layout_of(void) {
    struct layout at;
    at.end = 64;
    at.control = up_to(&at.end, CONTROL * 8);
    at.bases = up_to(&at.end, SPACES * 8);
    at.table = up_to(&at.end, (size_t)table_for(BATCH)->words * 8);
    at.made = up_to(&at.end, UNIFORM_BYTES);
    at.partial = up_to(&at.end, PARTIAL_BYTES);
    at.block = up_to(&at.end, (size_t)table_for(BATCH)->block_bytes);
    for (int k = 0; k < ARRAYS; k++)
        at.arrays[k] = up_to(&at.end, (size_t)(BATCH * kinds[k].size) * sizeof(real_word));
    return at;
}

static int check(void *const *arrays, void *const *results, const void *state, int64_t n,
                 const void *workspace, size_t bytes) {
    if (n != BATCH) return WRONG_SIZE;
    if (!processor_fits()) return WRONG_PROCESSOR;
    if (state == NULL || workspace == NULL) return NULL_POINTER;
    if (SCHEDULE_ROWS > 0 && ((const index_word *)state)[SCHEDULE_AT] >= SCHEDULE_ROWS)
        return SCHEDULE_ENDED;
    for (int k = 0; k < RESULTS; k++)
        if (results[k] == NULL) return NULL_POINTER;
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
    unsigned char *base = workspace;
    base += rounded((size_t)(uintptr_t)base) - (size_t)(uintptr_t)base - 64;
    memset(base + 64, 0, at.end - 64);
    memcpy(base + at.made, made, MADE_BYTES);
    int64_t *control = (void *)(base + at.control), *bases = (void *)(base + at.bases);
    place_table((void *)(base + at.table), table_for(BATCH), NULL);
    control[AT_THREADS] = control[AT_STEPS] = 1;
    control[AT_BASES] = address_of(bases);
    bases[AT_PERSISTENT] = address_of(state);
    bases[AT_UNIFORM] = address_of(base + at.made);
    bases[AT_PARTIAL] = address_of(base + at.partial);
    bases[AT_BLOCK] = address_of(base + at.block);
    for (int k = 0; k < ARRAYS; k++)
        bases[AT_ARRAY + k] = address_of(kinds[k].is_input ? arrays[k] : base + at.arrays[k]);
    for (int k = 0; k < RESULTS; k++)
        bases[AT_ARRAY + ARRAYS + k] = address_of(results[k]);
    walk(address_of(control), address_of(base + at.table), 0, 0, 0);
    return 0;
}

/* A file: what it is of, then the words of the state. */
struct file_head { char mark[8]; int32_t fingerprint, words; };

static int write_state(const void *state, size_t bytes, const char *path) {
    if (state == NULL || path == NULL) return NULL_POINTER;
    const struct file_head head = {"gradc 1", FINGERPRINT, (int32_t)(bytes / sizeof(real_word))};
    FILE *file = fopen(path, "wb");
    if (file == NULL) return WRONG_FILE;
    int good = fwrite(&head, sizeof head, 1, file) == 1 && fwrite(state, bytes, 1, file) == 1;
    return fclose(file) == 0 && good ? 0 : WRONG_FILE;
}

/* The state is as it was unless the whole file is right. */
static int read_state(void *state, size_t bytes, const char *path) {
    if (state == NULL || path == NULL) return NULL_POINTER;
    struct file_head head;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return WRONG_FILE;
    int good = fread(&head, sizeof head, 1, file) == 1 && memcmp(head.mark, "gradc 1", 8) == 0 &&
               head.fingerprint == FINGERPRINT && fseek(file, 0, SEEK_END) == 0 &&
               ftell(file) == (long)(sizeof head + bytes) &&
               fseek(file, (long)sizeof head, SEEK_SET) == 0;
    good = good && fread(state, bytes, 1, file) == 1;
    fclose(file);
    return good ? 0 : WRONG_FILE;
}

