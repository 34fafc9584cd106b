/* How a model of sequences runs: block by block, as a session does.  Within a block the examples
   are ordered by length, the longest first; the elements of step 0 come first, then those of step
   1, and so on: rows of a step lie side by side, and nothing is padded. */

struct packed_time {
    int64_t rows, steps;
    int64_t *counts, *begins; /* of each step: how many rows, and where they begin */
    int64_t *ranks;           /* of each example of the block */
    const int32_t *lengths;   /* of the block's examples; NULL where all are alike */
};

static int64_t length_of(const struct packed_time *time, int t, int64_t e) {
    return time->lengths == NULL ? times[t].fixed : time->lengths[e];
}

static int64_t row_of(const struct packed_time *time, int64_t e, int64_t step) {
    return time->begins[step] + time->ranks[e];
}

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

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

/* Order the examples of a block. */
static void pack(struct packed_time *time, int t, int64_t examples) {
    for (int64_t e = 0; e < examples; e++) { /* how many come before: longer ones, or earlier */
        time->ranks[e] = 0;
        for (int64_t o = 0; o < examples; o++) {
            const int64_t other = length_of(time, t, o), own = length_of(time, t, e);
            time->ranks[e] += other > own || (other == own && o < e);
        }
    }
    time->rows = time->steps = 0;
    for (int64_t step = 0;; step++) {
        int64_t count = 0;
        for (int64_t e = 0; e < examples; e++) count += length_of(time, t, e) > step;
        if (count == 0) break;
        time->begins[step] = time->rows;
        time->counts[step] = count;
        time->rows += count;
        time->steps = step + 1;
    }
}

/* What a row or an example is told about its place. */
static index_word told(const struct packed_time *time, int t, int kind, int64_t e, int64_t step) {
    const int64_t last = length_of(time, t, e) - 1;
    switch (kind) {
        case OWNER: return (index_word)e;
        case POSITION: return (index_word)step;
        case REMAINING: return (index_word)(last - step);
        case MIRROR: return (index_word)row_of(time, e, last - step);
        case BEFORE: return (index_word)row_of(time, e, step - (step > 0));
        case AFTER: return (index_word)row_of(time, e, step + (step < last));
        case LENGTH: return (index_word)(last + 1);
        case FIRST: return last < 0 ? 0 : (index_word)row_of(time, e, 0);
        default: return last < 0 ? 0 : (index_word)row_of(time, e, last);
    }
}

static void fill_clock(const struct packed_time *time, const struct array_kind *kind,
                       int64_t examples, index_word *to) {
    const int t = kind->time;
    for (int64_t e = 0; e < examples; e++) {
        if (kind->clock >= LENGTH) {
            to[e] = told(time, t, kind->clock, e, 0);
            continue;
        }
        for (int64_t step = 0; step < length_of(time, t, e); step++)
            to[row_of(time, e, step)] = told(time, t, kind->clock, e, step);
    }
}

/* Elements from the caller's order to the packed one, or back. */
static void move(const struct packed_time *time, const struct array_kind *kind, int64_t examples,
                 unsigned char *packed, unsigned char *given, int back) {
    const size_t each = (size_t)kind->size * sizeof(real_word);
    for (int64_t e = 0; e < examples; e++)
        for (int64_t step = 0; step < length_of(time, kind->time, e); step++, given += each) {
            unsigned char *row = packed + (size_t)row_of(time, e, step) * each;
            memcpy(back ? given : row, back ? row : given, each);
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
    for (int k = 0; n > 0 && k < ARRAYS; k++)
        if (kinds[k].clock < 0 && arrays[k] == NULL) return NULL_POINTER;
    for (int t = 0; n > 0 && t < TIMES; t++) {
        if (times[t].fixed > 0) continue;
        if (lengths[t] == NULL) return NULL_POINTER;
        for (int64_t e = 0; e < n; e++)
            if (lengths[t][e] < 0 || lengths[t][e] > times[t].most) return WRONG_LENGTH;
    }
    for (int k = 0; k < ARRAYS; k++) {
        if (!kinds[k].is_input) continue;
        int64_t count = n;
        if (kinds[k].time >= 0) {
            const int t = kinds[k].time;
            count = 0;
            for (int64_t e = 0; e < n; e++)
                count += lengths[t] == NULL ? times[t].fixed : lengths[t][e];
        }
        if (!classes_fit(&kinds[k], arrays[k], count)) return WRONG_CLASS;
    }
    return 0;
}

static size_t workspace_of(const int32_t *const *lengths, int64_t n) {
    int64_t room[TIMES];
    for (int t = 0; t < TIMES; t++)
        for (int64_t e = 0; times[t].fixed == 0 && e < n; e++)
            if (lengths[t] == NULL || lengths[t][e] < 0) return 0;
    return n < 0 ? 0 : layout_of(table_for(n), lengths, n, room).end;
}

/* Run block number b; what is packed has been placed. */
static void run_block(const struct block_table *of, const struct layout *at, unsigned char *base,
                      void *const *arrays, struct packed_time *packed, int64_t n, int64_t b) {
    int64_t *bases = (void *)(base + at->bases), *table = (void *)(base + at->table);
    int64_t *clocks = (void *)(base + at->clocks);
    const int64_t first = b * of->block, examples = at_most(of->block, n - first);
    const size_t word = sizeof(real_word);
    for (int t = 0; t < TIMES; t++) {
        int64_t *clock = clocks + t * CLOCK_WORDS;
        clock[0] = 0, clock[1] = packed[t].rows, clock[2] = packed[t].steps;
        clock[3] = address_of(packed[t].counts);
    }
    bases[AT_PERSISTENT] = address_of(weights);
    bases[AT_UNIFORM] = address_of(made);
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
    walk(address_of(control), address_of(table), 0, 0, 0);
}

static int run(void *const *arrays, const int32_t *const *lengths, int64_t n, void *workspace,
               size_t bytes) {
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
            if (!back) run_block(of, &at, base, arrays, packed, n, b);
        }
        for (int t = 0; t < TIMES; t++) started[t] += packed[t].rows;
    }
    return 0;
}
