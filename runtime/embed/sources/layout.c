/* What every library of a built model has in common: first the shapes of its data. */

typedef void kernel_function(int64_t, int64_t, int64_t, int64_t, int64_t);

struct place { int32_t at, of; };
struct room_place { int32_t at, time; int64_t bytes; }; /* each row of a time moves a word on */

/* The table for blocks of so many examples, and where addresses go into a copy of it. */
struct block_table {
    int64_t block, words, kernels, arguments, rooms, block_bytes;
    const int64_t *table;
    const struct place *kernel_places, *argument_places;
    const struct room_place *room_places;
};

enum { OWNER, POSITION, REMAINING, MIRROR, BEFORE, AFTER, LENGTH, FIRST, LAST }; /* clocks */

/* Numbers of an element, classes if it has any; a time and a clock, or -1. */
struct array_kind { int64_t size, classes; int is_input, time, clock; };

/* Bytes of a row in a block; the length of all sequences, or 0, and else the most. */
struct sequence_time { int64_t kept_bytes, fixed, most; };

/* A tensor that persists: its first word, how many there are, and whether they are whole. */
struct tensor { const char *name; int64_t at, words, shape[MOST_DIMS]; int dims, is_whole; };
