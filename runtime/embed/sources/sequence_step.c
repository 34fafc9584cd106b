/* How a step of training on sequences runs: all stages, on one batch, whose blocks are all packed
   before the first of them runs. */

struct time_room { int64_t elements, steps, rows; }; /* of all, of all blocks, most of a block */

struct layout {
    size_t control, bases, table, made, partial, clocks, times[TIMES], arrays[ARRAYS], block, end;
    struct time_room room[TIMES];
};

static struct time_room room_for(const int32_t *lengths, int t, int64_t block) {
    struct time_room found = {0, 0, 1};
    for (int64_t first = 0; first < BATCH; first += block) {
        int64_t rows = 0, longest = 0;
        for (int64_t e = first; e < at_most(BATCH, first + block); e++) {
            const int64_t own = lengths == NULL ? times[t].fixed : lengths[e];
            rows += own;
            if (own > longest) longest = own;
        }
        found.elements += rows;
        found.steps += longest;
        if (rows > found.rows) found.rows = rows;
    }
    return found;
}

static struct layout layout_of(const int32_t *const *lengths) {
    const struct block_table *of = table_for(BATCH);
    const int64_t blocks = (BATCH + of->block - 1) / of->block;
    struct layout at;
    at.end = 64;
    at.control = up_to(&at.end, CONTROL * 8);
    at.bases = up_to(&at.end, SPACES * 8);
    at.table = up_to(&at.end, (size_t)of->words * 8);
    at.made = up_to(&at.end, UNIFORM_BYTES);
    at.partial = up_to(&at.end, PARTIAL_BYTES);
    at.clocks = up_to(&at.end, (size_t)(blocks * TIMES * CLOCK_WORDS) * 8);
    for (int t = 0; t < TIMES; t++) {
        at.room[t] = room_for(lengths[t], t, of->block);
        at.times[t] = up_to(&at.end, (size_t)(2 * (at.room[t].steps + blocks) + of->block) * 8);
    }
    for (int k = 0; k < ARRAYS; k++) {
        const int t = kinds[k].time;
        const int64_t count = t >= 0 && kinds[k].clock < LENGTH ? at.room[t].elements : BATCH;
        const int given = t < 0 && kinds[k].is_input; /* is read where it lies */
        at.arrays[k] =
            up_to(&at.end, given ? 0 : (size_t)(count * kinds[k].size) * sizeof(real_word));
    }
    at.block = up_to(&at.end, (size_t)of->block_bytes);
    for (int t = 0; t < TIMES; t++)
        (void)up_to(&at.end, (size_t)(at.room[t].rows * times[t].kept_bytes));
    return at;
}

static size_t workspace_of(const int32_t *const *lengths, int64_t n) {
    return n != BATCH || check_lengths(lengths, n) != 0 ? 0 : layout_of(lengths).end;
}

static int check(void *const *arrays, void *const *results, const int32_t *const *lengths,
                 const void *state, int64_t n, const void *workspace) {
    const int fault = check_call(results, state, n, workspace);
    if (fault != 0) return fault;
    const int wrong = check_lengths(lengths, n);
    return wrong != 0 ? wrong : check_inputs(arrays, lengths, n);
}

/* Pack what is read, and write what kernels are told about places, of one block. */
static void pack_block(const struct layout *at, unsigned char *base, void *const *arrays,
                       const struct packed_time *packed, const int64_t *started, int64_t first,
                       int64_t examples) {
    for (int k = 0; k < ARRAYS; k++) {
        const struct array_kind *kind = &kinds[k];
        if (kind->time < 0) continue;
        const size_t each = (size_t)kind->size * sizeof(real_word);
        const int64_t row = kind->clock >= LENGTH ? first : started[kind->time];
        unsigned char *to = base + at->arrays[k] + (size_t)row * each;
        if (kind->clock >= 0)
            fill_clock(&packed[kind->time], kind, examples, (void *)to);
        else if (kind->is_input)
            move(&packed[kind->time], kind, examples, to,
                 (unsigned char *)arrays[k] + (size_t)row * each, 0);
    }
}

/* Pack all blocks in order. */
static void pack_batch(const struct layout *at, unsigned char *base, void *const *arrays,
                       const int32_t *const *lengths) {
    const int64_t block = table_for(BATCH)->block;
    struct packed_time packed[TIMES];
    int64_t started[TIMES] = {0}, *clock = (void *)(base + at->clocks);
    for (int t = 0; t < TIMES; t++) {
        packed[t].ranks = (void *)(base + at->times[t]);
        packed[t].counts = packed[t].ranks + block;
        packed[t].begins = packed[t].counts + at->room[t].steps + (BATCH + block - 1) / block;
    }
    for (int64_t first = 0; first < BATCH; first += block) {
        const int64_t examples = at_most(block, BATCH - first);
        for (int t = 0; t < TIMES; t++, clock += CLOCK_WORDS) {
            packed[t].lengths = lengths[t] == NULL ? NULL : lengths[t] + first;
            pack(&packed[t], t, examples);
            clock[0] = started[t], clock[1] = packed[t].rows, clock[2] = packed[t].steps;
            clock[3] = address_of(packed[t].counts);
        }
        pack_block(at, base, arrays, packed, started, first, examples);
        for (int t = 0; t < TIMES; t++) {
            started[t] += packed[t].rows;
            packed[t].counts += packed[t].steps;
            packed[t].begins += packed[t].steps;
        }
    }
}

static int run(void *const *arrays, void *const *results, const int32_t *const *lengths,
               void *state, int64_t n, void *workspace, size_t bytes) {
    const int fault = check(arrays, results, lengths, state, n, workspace);
    if (fault != 0) return fault;
    const struct layout at = layout_of(lengths);
    if (bytes < at.end) return SMALL_WORKSPACE;
    unsigned char *base = cleared(workspace, at.end);
    int64_t room[TIMES], *bases = (void *)(base + at.bases);
    for (int t = 0; t < TIMES; t++) room[t] = at.room[t].rows;
    place_table((void *)(base + at.table), table_for(BATCH), room);
    memcpy(base + at.made, made, MADE_BYTES);
    pack_batch(&at, base, arrays, lengths);
    bases[AT_UNIFORM] = address_of(base + at.made);
    bases[AT_PARTIAL] = address_of(base + at.partial);
    bases[AT_BLOCK] = address_of(base + at.block);
    for (int k = 0; k < ARRAYS; k++) {
        const int given = kinds[k].time < 0 && kinds[k].is_input;
        bases[AT_ARRAY + k] = address_of(given ? arrays[k] : base + at.arrays[k]);
    }
    bases[SPACES - 1] = address_of(base + at.clocks);
    walk_all(base + at.control, bases, base + at.table, state, results);
    return 0;
}
