/* The program of a built model: numbers from files or standard input, results to a file or standard
   output.  What the model reads and gives stands before this, in `fields`. */

struct numbers { double *values; size_t count, room; };

enum format { BY_NAME, NPY, CSV, FLOATS, BYTES, JSON };

static const char *const format_names[] = {"", "npy", "csv", "floats", "bytes", "json"};

/* ---- reading ---- */

static void add(struct numbers *to, double value) {
    if (to->count == to->room) {
        to->room = to->room == 0 ? 1024 : 2 * to->room;
        double *more = to->room > SIZE_MAX / 16 ? NULL : realloc(to->values, to->room * 8);
        if (more == NULL) fail("too little memory", "");
        to->values = more;
    }
    to->values[to->count++] = value;
}

static struct numbers read_csv(struct bytes of, const char *path) {
    struct numbers found = {NULL, 0, 0};
    const char *at = (const char *)of.all, *end = at + of.count;
    while (at < end) {
        if (strchr(", \t\r\n;", *at) != NULL && *at != 0) {
            at++;
            continue;
        }
        char *after;
        double value = strtod(at, &after);
        if (after == at) fail("holds something that is no number", path);
        add(&found, value);
        at = after;
    }
    return found;
}

static struct numbers read_plain(struct bytes of, int as_bytes, const char *path) {
    struct numbers found = {NULL, 0, 0};
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
    struct numbers found = {NULL, 0, 0};
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

/* ---- writing ---- */

static double number_at(const struct field *field, const void *words, size_t at) {
    return field->is_whole ? (double)((const index_word *)words)[at]
                           : (double)((const real_word *)words)[at];
}

static void write_number(FILE *to, double value, int as_json) {
    if (as_json && !(value - value == 0)) {
        fputs("null", to);
        return;
    }
    fprintf(to, "%.*g", sizeof(real_word) == 8 ? 17 : 9, value);
}

static void write_csv(FILE *to, const struct field *field, const void *words, size_t count) {
    size_t size = (size_t)field->size;
    for (size_t k = 0; k < count; k++) {
        write_number(to, number_at(field, words, k), 0);
        putc((k + 1) % size == 0 ? '\n' : ',', to);
    }
}

static void write_npy(FILE *to, const struct field *field, const void *words, size_t count) {
    char header[512];
    size_t width = field->is_whole ? sizeof(index_word) : sizeof(real_word);
    int used = snprintf(header, sizeof header,
                        "{'descr': '<%c%zu', 'fortran_order': False, 'shape': (%zu, %s), }",
                        field->is_whole ? 'i' : 'f', width, count / (size_t)field->size, field->shape);
    size_t length = ((size_t)used + 10 + 1 + 63) / 64 * 64 - 10;
    fwrite("\x93NUMPY\x01\x00", 1, 8, to);
    putc((int)(length & 255), to);
    putc((int)(length >> 8), to);
    fputs(header, to);
    for (size_t k = (size_t)used; k < length - 1; k++) putc(' ', to);
    putc('\n', to);
    fwrite(words, width, count, to);
}

static void write_json(FILE *to, void *const *words, size_t n) {
    int first = 1;
    putc('{', to);
    for (int f = 0; f < FIELDS; f++) {
        if (fields[f].is_input) continue;
        fprintf(to, "%s\"%s\": [", first ? "" : ", ", fields[f].name);
        first = 0;
        size_t size = (size_t)fields[f].size;
        for (size_t k = 0; k < numbers_of(&fields[f], n, words); k++) {
            if (k % size == 0) fputs(k == 0 ? "[" : ", [", to);
            write_number(to, number_at(&fields[f], words[f], k), 1);
            fputs((k + 1) % size == 0 ? "]" : ", ", to);
        }
        putc(']', to);
    }
    fputs("}\n", to);
}

/* The class with the greatest score of each example, by name where classes have names. */
static void write_classes(FILE *to, const struct field *field, const void *words, size_t count) {
    size_t size = (size_t)field->size;
    for (size_t i = 0; i < count / size; i++) {
        size_t best = 0;
        for (size_t k = 1; k < size; k++)
            if (number_at(field, words, i * size + k) > number_at(field, words, i * size + best))
                best = k;
        if (best < class_count)
            fprintf(to, "%s\n", class_names[best]);
        else
            fprintf(to, "%zu\n", best);
    }
}

/* ---- the command line ---- */

static void help(void) {
    printf("%s: a model that gradc built; needs nothing else.\n\n", PROGRAM);
    printf("    %s [OPTIONS] [NAME=]FILE...\n\n", PROGRAM);
    printf("A FILE has one example or several; `-` is standard input.\n\n");
    for (int f = 0; f < FIELDS; f++)
        printf("  %-7s %-12s %s\n", fields[f].is_input ? "reads" : "gives", fields[f].name,
               fields[f].about);
    printf("\n  --from FORMAT    npy, csv, floats (as in memory) or bytes (0 to 255: 0 to 1);\n"
           "                   else by the file's name: .npy, .csv\n"
           "  --to FORMAT      npy, csv or json; else by the name of -o, else csv\n"
           "  -o FILE          write there\n"
           "  --output NAME    of several results, this one (json has all)\n"
           "%s"
           "  --examples N     of a model that reads nothing, so many\n"
           "  --classes        the class of the greatest score, not the scores\n"
           "  -h, --help       this text\n",
           HAS_WEIGHTS ? "  --weights FILE   those of a .safetensors file, in place of those inside\n" : "");
}

static enum format format_named(const char *name, int first, int last) {
    for (int k = first; k <= last; k++)
        if (strcmp(name, format_names[k]) == 0) return (enum format)k;
    fail("no such format", name);
    return BY_NAME;
}

static int field_named(const char *name, size_t length, int is_input) {
    for (int f = 0; f < FIELDS; f++)
        if (fields[f].is_input == is_input && strlen(fields[f].name) == length &&
            strncmp(fields[f].name, name, length) == 0)
            return f;
    return -1;
}

struct request {
    const char *paths[FIELDS], *written, *output, *weights;
    enum format from, to;
    int classes;
    size_t examples;
};

static const char *value_of(int *k, int count, char **words) {
    if (*k + 1 >= count) fail("needs a value", words[*k]);
    return words[++*k];
}

static void read_input(struct request *found, const char *word) {
    const char *equals = strchr(word, '=');
    int f = equals == NULL ? -1 : field_named(word, (size_t)(equals - word), 1);
    if (f >= 0) {
        found->paths[f] = equals + 1;
        return;
    }
    for (f = 0; f < FIELDS; f++)
        if (fields[f].is_input && !fields[f].is_length && found->paths[f] == NULL) break;
    if (f == FIELDS) fail("one file too many", word);
    found->paths[f] = word;
}

static struct request read_request(int count, char **words) {
    struct request found = {{NULL}, NULL, NULL, NULL, BY_NAME, BY_NAME, 0, 1};
    for (int k = 1; k < count; k++) {
        const char *word = words[k];
        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            help();
            exit(0);
        } else if (strcmp(word, "--from") == 0) {
            found.from = format_named(value_of(&k, count, words), NPY, BYTES);
        } else if (strcmp(word, "--to") == 0) {
            found.to = format_named(value_of(&k, count, words), NPY, JSON);
        } else if (strcmp(word, "-o") == 0) {
            found.written = value_of(&k, count, words);
        } else if (strcmp(word, "--output") == 0) {
            found.output = value_of(&k, count, words);
        } else if (HAS_WEIGHTS && strcmp(word, "--weights") == 0) {
            found.weights = value_of(&k, count, words);
        } else if (strcmp(word, "--examples") == 0) {
            found.examples = (size_t)strtoul(value_of(&k, count, words), NULL, 10);
        } else if (strcmp(word, "--classes") == 0) {
            found.classes = 1;
        } else if (word[0] == '-' && word[1] != 0) {
            fail("there is no such option (see --help)", word);
        } else {
            read_input(&found, word);
        }
    }
    return found;
}

static void write_results(const struct request *asked, void *const *words, size_t n) {
    int f = 0;
    while (fields[f].is_input) f++;
    if (asked->output != NULL) f = field_named(asked->output, strlen(asked->output), 0);
    if (f < 0) fail("no result is called so", asked->output);
    FILE *to = asked->written == NULL ? stdout : fopen(asked->written, "wb");
    if (to == NULL) fail("cannot be written", asked->written);
    enum format how = asked->to;
    if (how == BY_NAME) how = asked->written == NULL ? CSV : format_of(asked->written, CSV);
    if (how == FLOATS || how == BYTES) fail("results are written as npy, csv or json", "");
    const size_t total = numbers_of(&fields[f], n, words);
    if (asked->classes)
        write_classes(to, &fields[f], words[f], total);
    else if (how == JSON)
        write_json(to, words, n);
    else if (how == NPY)
        write_npy(to, &fields[f], words[f], total);
    else
        write_csv(to, &fields[f], words[f], total);
    if (fflush(to) != 0 || ferror(to)) fail("cannot be written", asked->written ? asked->written : "");
    if (to != stdout) fclose(to);
}

/* Read every input; gives how many examples there are. */
static size_t read_inputs(const struct request *asked, void **arrays) {
    size_t n = 0, held[FIELDS] = {0};
    for (int f = 0; f < FIELDS; f++) {
        arrays[f] = NULL;
        if (!fields[f].is_input || (fields[f].is_length && asked->paths[f] == NULL)) continue;
        if (asked->paths[f] == NULL) fail("a file is missing (see --help)", fields[f].name);
        struct numbers from = read_numbers(asked->paths[f], asked->from);
        held[f] = from.count;
        const int by_lengths = fields[f].time >= 0 && !fields[f].is_length && fixed_lengths[fields[f].time] == 0;
        const size_t own = by_lengths ? n : examples_in(&fields[f], from.count, asked->paths[f]);
        if (n != 0 && own != n) fail("has another number of examples", asked->paths[f]);
        n = own;
        arrays[f] = words_of(&fields[f], from, asked->paths[f]);
    }
    for (int f = 0; f < FIELDS; f++) { /* without lengths, all elements are one sequence */
        if (!fields[f].is_length || arrays[f] != NULL) continue;
        for (int o = 0; o < FIELDS; o++)
            if (fields[o].time == fields[f].time && held[o] != 0 && arrays[f] == NULL) {
                arrays[f] = room_for(1, sizeof(int32_t));
                *(int32_t *)arrays[f] = (int32_t)(held[o] / (size_t)fields[o].size);
                if (n > 1) fail("a file is missing (see --help)", fields[f].name);
                n = 1;
            }
        if (arrays[f] == NULL) fail("a file is missing (see --help)", fields[f].name);
    }
    if (n == 0) n = asked->examples;
    for (int f = 0; f < FIELDS; f++)
        if (fields[f].is_input && !fields[f].is_length && numbers_of(&fields[f], n, arrays) != held[f])
            fail("has not as many elements as the lengths say", asked->paths[f]);
    return n;
}

int main(int count, char **words) {
    struct request asked = read_request(count, words);
    void *arrays[FIELDS];
    int code = interface_check();
    if (code != 0) fail(message_of(code), "");
    int reads = 0;
    for (int f = 0; f < FIELDS; f++) reads += fields[f].is_input;
    if (count == 1 && reads > 0) {
        help();
        return 2;
    }
    const size_t n = read_inputs(&asked, arrays);
    if (n > INT_MAX) fail("too many examples", "");
    for (int f = 0; f < FIELDS; f++)
        if (!fields[f].is_input)
            arrays[f] = room_for(numbers_of(&fields[f], n, arrays), sizeof(real_word));
    void *const weights = read_weights(asked.weights);
    code = run_model(weights, arrays, (int)n);
    free(weights);
    if (code != 0) fail(message_of(code), "");
    write_results(&asked, arrays, n);
    for (int f = 0; f < FIELDS; f++) free(arrays[f]);
    return 0;
}
