/* How a model of sequences runs: block by block, as a session does, each packed in turn. */

static const struct numbers inside = {own_weights, made};

/* The most rows of any block, and the longest sequence. */
static void measure(const int32_t *lengths, int t, int64_t n, int64_t block, int64_t *rows,
                    int64_t *longest) {
    *rows = *longest = 1;
    for (int64_t first = 0; first < n; first += block) {
        int64_t sum = 0;
        for (int64_t e = first; e < at_most(n, first + block); e++) {
            const int64_t own = lengths == NULL ? times[t].fixed : lengths[e];
            sum += own;
            if (own > *longest) *longest = own;
        }
        if (sum > *rows) *rows = sum;
    }
}

struct layout { size_t control, bases, table, clocks, times[TIMES], arrays[ARRAYS], block, end; };

static struct layout layout_of(const struct block_table *of, const int32_t *const *lengths,
                               int64_t n, int64_t room[TIMES]) {
    struct layout at;
    size_t end = 64;
    const size_t block = (size_t)of->block;
    at.control = end, end += rounded(CONTROL * 8);
    at.bases = end, end += rounded(SPACES * 8);
    at.table = end, end += rounded((size_t)of->words * 8);
    at.clocks = end, end += rounded(TIMES * CLOCK_WORDS * 8);
    for (int t = 0; t < TIMES; t++) {
        int64_t longest;
        measure(lengths[t], t, n, of->block, &room[t], &longest);
        at.times[t] = end, end += rounded((2 * ((size_t)longest + 1) + block) * 8);
    }
    for (int k = 0; k < ARRAYS; k++) {
        const size_t count = kinds[k].time < 0          ? 0
                             : kinds[k].clock >= LENGTH ? block
                                                        : (size_t)room[kinds[k].time];
        at.arrays[k] = end, end += rounded(count * (size_t)kinds[k].size * sizeof(real_word));
    }
    at.block = end, end += rounded((size_t)of->block_bytes);
    for (int t = 0; t < TIMES; t++) end += rounded((size_t)(room[t] * times[t].kept_bytes));
    at.end = end;
    return at;
}

static int check(void *const *arrays, const int32_t *const *lengths, int64_t n) {
    if (n < 0) return WRONG_SIZE;
    if (!processor_fits()) return WRONG_PROCESSOR;
    if (n == 0) return 0;
    for (int k = 0; k < ARRAYS; k++)
        if (kinds[k].clock < 0 && arrays[k] == NULL) return NULL_POINTER;
    const int fault = check_lengths(lengths, n);
    return fault != 0 ? fault : check_inputs(arrays, lengths, n);
}

static size_t workspace_of(const int32_t *const *lengths, int64_t n) {
    int64_t room[TIMES];
    if (n < 0 || check_lengths(lengths, n) != 0) return 0;
    return layout_of(table_for(n), lengths, n, room).end;
}

/* Run block number b; what is packed has been placed. */
static void run_block(const struct numbers *numbers, const struct layout *at, unsigned char *base,
                      void *const *arrays, struct packed_time *packed, int64_t n, int64_t b) {
    const struct block_table *of = table_for(n);
    int64_t *bases = (void *)(base + at->bases), *table = (void *)(base + at->table);
    int64_t *clocks = (void *)(base + at->clocks);
    const int64_t first = b * of->block, examples = at_most(of->block, n - first);
    const size_t word = sizeof(real_word);
    for (int t = 0; t < TIMES; t++) {
        int64_t *clock = clocks + t * CLOCK_WORDS;
        clock[0] = 0, clock[1] = packed[t].rows, clock[2] = packed[t].steps;
        clock[3] = address_of(packed[t].counts);
    }
    bases[AT_PERSISTENT] = address_of(numbers->kept);
    bases[AT_UNIFORM] = address_of(numbers->made);
    bases[AT_BLOCK] = bases[AT_PARTIAL] = address_of(base + at->block);
    for (int k = 0; k < ARRAYS; k++) {
        bases[AT_ARRAY + k] = address_of(arrays[k]);
        if (kinds[k].time >= 0) bases[AT_ARRAY + k] = address_of(base + at->arrays[k]);
        if (kinds[k].clock >= LENGTH) bases[AT_ARRAY + k] -= first * (int64_t)word;
        if (kinds[k].clock >= 0)
            fill_clock(&packed[kinds[k].time], &kinds[k], examples, (void *)(base + at->arrays[k]));
    }
    bases[SPACES - 1] = address_of(clocks) - b * TIMES * CLOCK_WORDS * 8;
    table[AT_FIRST_CHUNK] = b, table[AT_END_CHUNK] = b + 1;
    int64_t *control = (void *)(base + at->control);
    control[AT_THREADS] = control[AT_STEPS] = 1;
    control[AT_BASES] = address_of(bases);
    walk(control, table);
}

static int run(const struct numbers *numbers, void *const *arrays, const int32_t *const *lengths,
               int64_t n, void *workspace, size_t bytes) {
    int fault = check(arrays, lengths, n);
    if (fault != 0 || n == 0) return fault;
    const struct block_table *of = table_for(n);
    int64_t room[TIMES], started[TIMES] = {0};
    const struct layout at = layout_of(of, lengths, n, room);
    if (workspace == NULL) return NULL_POINTER;
    if (bytes < at.end) return SMALL_WORKSPACE;
    unsigned char *base = workspace;
    base += rounded((size_t)(uintptr_t)base) - (size_t)(uintptr_t)base - 64;
    memset(base + 64, 0, at.end - 64);
    place_table((void *)(base + at.table), of, room);
    struct packed_time packed[TIMES];
    const int64_t blocks = (n + of->block - 1) / of->block;
    int64_t *table = (void *)(base + at.table);
    table[AT_EXAMPLES] = n;
    table[AT_BLOCKS] = table[AT_CHUNKS] = blocks;
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = b * of->block, examples = at_most(of->block, n - first);
        for (int t = 0; t < TIMES; t++) {
            int64_t own, longest;
            measure(lengths[t], t, n, of->block, &own, &longest);
            packed[t].counts = (void *)(base + at.times[t]);
            packed[t].begins = packed[t].counts + longest + 1;
            packed[t].ranks = packed[t].begins + longest + 1;
            packed[t].lengths = lengths[t] == NULL ? NULL : lengths[t] + first;
            pack(&packed[t], t, examples);
        }
        for (int back = 0; back < 2; back++) {
            for (int k = 0; k < ARRAYS; k++) {
                const int t = kinds[k].time;
                if (t < 0 || kinds[k].clock >= 0 || kinds[k].is_input == back) continue;
                unsigned char *given = arrays[k];
                given += (size_t)started[t] * (size_t)kinds[k].size * sizeof(real_word);
                move(&packed[t], &kinds[k], examples, base + at.arrays[k], given, back);
            }
            if (!back) run_block(numbers, &at, base, arrays, packed, n, b);
        }
        for (int t = 0; t < TIMES; t++) started[t] += packed[t].rows;
    }
    return 0;
}
