/* How a built model runs: what every library of this kind has in common.

   The model is a table of words that the function `walk` goes through: which kernel, on which
   addresses, how often.  A call copies the table into its workspace and writes the addresses into
   the copy.  So nothing is allocated, nothing is shared, and any number of threads may call. */

struct numbers { const void *kept, *made; }; /* weights, and what follows from them alone */

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

/* Whether this processor has all that some of the kernels were compiled for. */
static int processor_fits(void) {
    return chosen_level() >= 0;
}

static void walk(const void *control, const void *table) {
    functions[chosen_level()][0](address_of(control), address_of(table), 0, 0, 0);
}

/* Whether every whole number says one of its classes. */
static int classes_fit(const struct array_kind *kind, const index_word *given, int64_t n) {
    if (kind->classes == 0) return 1;
    for (int64_t i = 0; i < n * kind->size; i++)
        if (given[i] < 0 || given[i] >= kind->classes) return 0;
    return 1;
}

/* Copy a table, and write the addresses and what depends on the rows that there is room for. */
static void place_table(int64_t *table, const struct block_table *of, const int64_t *room) {
    kernel_function *const *const own = functions[chosen_level()] + 1;
    memcpy(table, of->table, (size_t)of->words * 8);
    for (int64_t k = 0; k < of->kernels; k++)
        table[of->kernel_places[k].at] = (int64_t)(intptr_t)own[of->kernel_places[k].of];
    for (int64_t k = 0; k < of->arguments; k++)
        table[of->argument_places[k].at] = address_of(table + of->argument_places[k].of);
    for (int64_t k = 0; k < of->rooms; k++)
        table[of->room_places[k].at] += of->room_places[k].bytes * (room[of->room_places[k].time] - 1);
}
