/* Packed sequences.  Within a block the examples are ordered by length, the longest first; the
   elements of step 0 come first, then those of step 1, and so on: rows of a step lie side by side,
   and nothing is padded. */

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

/* Elements of the sequences of n examples. */
static int64_t elements_of(const int32_t *lengths, int t, int64_t n) {
    int64_t sum = 0;
    for (int64_t e = 0; lengths != NULL && e < n; e++) sum += lengths[e];
    return lengths == NULL ? times[t].fixed * n : sum;
}

/* Whether lengths are given, and are some that the model takes. */
static int check_lengths(const int32_t *const *lengths, int64_t n) {
    for (int t = 0; t < TIMES; t++) {
        if (times[t].fixed > 0) continue;
        if (lengths[t] == NULL) return NULL_POINTER;
        int64_t sum = 0;
        for (int64_t e = 0; e < n; e++) {
            if (lengths[t][e] < 0 || lengths[t][e] > times[t].most) return WRONG_LENGTH;
            if ((sum += lengths[t][e]) > MOST_ELEMENTS) return WRONG_LENGTH;
        }
    }
    return 0;
}

/* Whether all that is read is there, and says classes. */
static int check_inputs(void *const *arrays, const int32_t *const *lengths, int64_t n) {
    for (int k = 0; k < ARRAYS; k++) {
        if (!kinds[k].is_input) continue;
        const int t = kinds[k].time;
        if (arrays[k] == NULL) return NULL_POINTER;
        if (!classes_fit(&kinds[k], arrays[k], t < 0 ? n : elements_of(lengths[t], t, n)))
            return WRONG_CLASS;
    }
    return 0;
}
