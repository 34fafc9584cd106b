/* How a program reads numbers: from .npy, CSV, raw floats or bytes, with the shape that they have
   there.  What the model reads and gives stands before this, in `fields`. */

enum { AXES = 8 };

/* Numbers of a file, and the shape that they have there, without axes of 1; `axes` is -1 where a
   file has no shape. */
struct numbers { double *values; size_t count, room, shape[AXES]; int axes; };

enum format { BY_NAME, NPY, CSV, FLOATS, BYTES, JSON };

static const char *const format_names[] = {"", "npy", "csv", "floats", "bytes", "json"};

static void add(struct numbers *to, double value) {
    if (to->count == to->room) {
        to->room = to->room == 0 ? 1024 : 2 * to->room;
        double *more = to->room > SIZE_MAX / 16 ? NULL : realloc(to->values, to->room * 8);
        if (more == NULL) fail("too little memory", "");
        to->values = more;
    }
    to->values[to->count++] = value;
}

static void add_axis(struct numbers *to, size_t size, const char *path) {
    if (size == 1) return;
    if (to->axes == AXES) fail("has too many axes", path);
    to->shape[to->axes++] = size;
}

/* A line of a CSV file has ended: all that have numbers have as many. */
static void end_line(struct numbers *of, size_t *columns, size_t *before, size_t *lines,
                     const char *path) {
    const size_t own = of->count - *before;
    if (own == 0) return;
    if (*lines > 0 && own != *columns) fail("has lines with more numbers than others", path);
    *columns = own, *before = of->count, *lines += 1;
}

static struct numbers read_csv(struct bytes of, const char *path) {
    struct numbers found = {NULL, 0, 0, {0}, 0};
    size_t columns = 0, before = 0, lines = 0;
    int commas = 0, semicolons = 0;
    const char *at = (const char *)of.all, *end = at + of.count;
    while (at < end) {
        if (strchr(", \t\r\n;", *at) != NULL && *at != 0) {
            commas |= *at == ',', semicolons |= *at == ';';
            if (*at == '\n' || *at == '\r') end_line(&found, &columns, &before, &lines, path);
            at++;
            continue;
        }
        char *after;
        double value = strtod(at, &after);
        if (after == at) fail("holds something that is no number", path);
        add(&found, value);
        at = after;
    }
    end_line(&found, &columns, &before, &lines, path);
    if (commas && semicolons)
        fail("has both , and ; between numbers, which have a decimal point here", path);
    add_axis(&found, lines, path);
    add_axis(&found, columns, path);
    return found;
}

static struct numbers read_plain(struct bytes of, int as_bytes, const char *path) {
    struct numbers found = {NULL, 0, 0, {0}, -1};
    if (!as_bytes && of.count % sizeof(float) != 0) fail("ends within a number", path);
    for (size_t k = 0; k < of.count; k += as_bytes ? 1 : sizeof(float)) {
        float value;
        if (!as_bytes) memcpy(&value, of.all + k, sizeof value);
        add(&found, as_bytes ? of.all[k] / 255.0 : (double)value);
    }
    return found;
}

static double npy_number(const unsigned char *at, char kind, int width) {
    float real; double wide; int8_t i1; int16_t i2; int32_t i4; int64_t i8;
    uint16_t u2; uint32_t u4; uint64_t u8;
    switch (kind == 'f' ? width : kind == 'i' ? 10 + width : 20 + width) {
        case 4: memcpy(&real, at, 4); return (double)real;
        case 8: memcpy(&wide, at, 8); return wide;
        case 11: memcpy(&i1, at, 1); return i1;
        case 12: memcpy(&i2, at, 2); return i2;
        case 14: memcpy(&i4, at, 4); return i4;
        case 18: memcpy(&i8, at, 8); return (double)i8;
        case 21: return *at;
        case 22: memcpy(&u2, at, 2); return u2;
        case 24: memcpy(&u4, at, 4); return u4;
        default: memcpy(&u8, at, 8); return (double)u8;
    }
}

static const char *npy_value(const char *header, const char *key, const char *path) {
    const char *found = strstr(header, key);
    if (found == NULL || (found = strchr(found, ':')) == NULL) fail("is no .npy file", path);
    while (*++found == ' ') continue;
    return found;
}

static struct numbers read_npy(struct bytes of, const char *path) {
    struct numbers found = {NULL, 0, 0, {0}, 0};
    if (of.count < 12 || memcmp(of.all, "\x93NUMPY", 6) != 0) fail("is no .npy file", path);
    size_t length = of.all[8] + 256u * of.all[9], start = 10;
    if (of.all[6] > 1) {
        length += 65536u * of.all[10] + 16777216u * of.all[11];
        start = 12;
    }
    if (length > of.count - start) fail("ends too early", path);
    char *header = room_for(length, 1);
    memcpy(header, of.all + start, length);
    header[length] = 0;
    const char *type = npy_value(header, "'descr'", path);
    if (strncmp(npy_value(header, "'fortran_order'", path), "False", 5) != 0)
        fail("is in the order of Fortran; save it in that of C", path);
    char kind = type[0] == '\'' && type[1] != 0 ? type[2] : 0;
    int width = kind != 0 ? type[3] - '0' : 0;
    int known = (kind == 'f' && (width == 4 || width == 8)) ||
                ((kind == 'i' || kind == 'u') && (width == 1 || width == 2 || width == 4 || width == 8)) ||
                (kind == 'b' && width == 1);
    if (!known || type[4] != '\'' || (type[1] != '<' && type[1] != '|'))
        fail("has numbers of a type that is not read here (floats and integers are)", path);
    const char *shape = npy_value(header, "'shape'", path);
    size_t count = 1;
    for (const char *at = shape + (*shape == '('); *at != ')' && *at != 0;) {
        char *after;
        unsigned long long size = strtoull(at, &after, 10);
        if (after == at || (size != 0 && count > (SIZE_MAX / 16) / size)) fail("has no shape", path);
        count *= (size_t)size;
        add_axis(&found, (size_t)size, path);
        for (at = after; *at == ',' || *at == ' ';) at++;
    }
    if (count * (size_t)width != of.count - start - length)
        fail("has not as many numbers as its shape says", path);
    for (size_t k = 0; k < count; k++)
        add(&found, npy_number(of.all + start + length + k * (size_t)width, kind, width));
    free(header);
    return found;
}

static enum format format_of(const char *name, enum format otherwise) {
    const char *dot = strrchr(name, '.');
    if (dot == NULL) return otherwise;
    if (strcmp(dot, ".npy") == 0) return NPY;
    if (strcmp(dot, ".csv") == 0 || strcmp(dot, ".txt") == 0) return CSV;
    if (strcmp(dot, ".json") == 0) return JSON;
    return otherwise;
}

static struct numbers read_numbers(const char *path, enum format how) {
    struct bytes of = read_all(path);
    if (how == BY_NAME) how = format_of(path, BY_NAME);
    if (how == BY_NAME) how = of.count > 5 && memcmp(of.all, "\x93NUMPY", 6) == 0 ? NPY : CSV;
    if (how == JSON) fail("JSON is not read here", path);
    struct numbers found = how == NPY   ? read_npy(of, path)
                           : how == CSV ? read_csv(of, path)
                                        : read_plain(of, how == BYTES, path);
    free(of.all);
    return found;
}

/* How many numbers n examples of a field are; of sequences, by their lengths. */
static size_t numbers_of(const struct field *field, size_t n, void *const *arrays) {
    size_t elements = n;
    if (field->time >= 0 && !field->is_length) {
        const int32_t *lengths = NULL;
        for (int f = 0; f < FIELDS; f++)
            if (fields[f].is_length && fields[f].time == field->time) lengths = arrays[f];
        elements = lengths == NULL ? n * (size_t)fixed_lengths[field->time] : 0;
        for (size_t k = 0; lengths != NULL && k < n; k++) elements += (size_t)lengths[k];
    }
    return elements * (size_t)field->size;
}

static void *words_of(const struct field *field, struct numbers from, const char *path) {
    void *words = room_for(from.count, sizeof(real_word));
    for (size_t k = 0; k < from.count; k++) {
        double value = from.values[k];
        if (!field->is_whole) {
            ((real_word *)words)[k] = (real_word)value;
            continue;
        }
        if (!(value >= 0 && value < (double)field->classes) || value != (double)(int64_t)value)
            fail("holds something that is none of the classes", path);
        if (field->is_length)
            ((int32_t *)words)[k] = (int32_t)value;
        else
            ((index_word *)words)[k] = (index_word)value;
    }
    free(from.values);
    return words;
}

/* The axes of an example of a field, without those of 1; gives how many there are. */
static int axes_of(const struct field *field, size_t *own) {
    const int64_t fixed = field->time < 0 || field->is_length ? 1 : fixed_lengths[field->time];
    int axes = 0;
    if (fixed > 1) own[axes++] = (size_t)fixed;
    for (int k = 0; k < field->axes; k++)
        if (field->extents[k] != 1) own[axes++] = (size_t)field->extents[k];
    return axes;
}

/* Whether a file's shape lies in memory as examples do, one after another: (n, 28, 28), (28 n, 28),
   (n, 784) and (784 n) are n of [28, 28, 1], and (n, 3, 32, 32) is none of [32, 32, 3]. */
static int lies_as(const struct field *field, const struct numbers *from) {
    size_t own[MOST_AXES + 1], before = 1, last = 1;
    const int axes = axes_of(field, own);
    int alike = 0;
    while (alike < axes && alike < from->axes &&
           own[axes - 1 - alike] == from->shape[from->axes - 1 - alike])
        alike++;
    for (int k = 0; k < axes - alike; k++) before *= own[k];
    if (from->axes - alike <= 1) /* the first axis counts examples, or rows of them */
        return from->axes == alike || from->shape[0] % before == 0;
    for (int k = 1; k < from->axes; k++) last *= from->shape[k];
    for (int k = axes - alike; k < axes; k++) before *= own[k];
    if (axes > 1) return from->axes == 2 && last == before; /* an example is a row */
    return axes == 1 && (last == before || last * from->shape[0] == before); /* or is read as one */
}

static void require_shape(const struct field *field, const struct numbers *from, const char *path) {
    if (from->axes < 0 || from->count == 0 || lies_as(field, from)) return;
    fprintf(stderr, "%s: %s: has the shape", PROGRAM, path);
    for (int k = 0; k < from->axes; k++)
        fprintf(stderr, "%s %zu", k == 0 ? "" : " x", from->shape[k]);
    fprintf(stderr, ", and %s reads: %s\n", field->name, field->about);
    exit(2);
}

/* How many examples a file holds, as far as its own numbers say. */
static size_t examples_in(const struct field *field, size_t count, const char *path) {
    const size_t fixed = field->time < 0 || field->is_length ? 1 : (size_t)fixed_lengths[field->time];
    const size_t size = (size_t)field->size * fixed;
    if (count == 0 || count % size != 0) {
        fprintf(stderr, "%s: %s: has %zu numbers, and an example of %s has %zu\n", PROGRAM, path,
                count, field->name, size);
        exit(2);
    }
    return count / size;
}
