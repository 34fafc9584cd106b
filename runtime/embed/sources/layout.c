/* What every library of a built model has in common: first the shapes of its data. */

typedef void kernel_function(int64_t, int64_t, int64_t, int64_t, int64_t);

struct place { int32_t at, of; };

/* The table for blocks of so many examples, and where addresses go into a copy of it. */
struct block_table {
    int64_t block, words, kernels, arguments, block_bytes;
    const int64_t *table;
    const struct place *kernel_places, *argument_places;
};

struct array_kind { int64_t size, classes; int is_input; };
