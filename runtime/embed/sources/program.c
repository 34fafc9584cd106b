/* The program of a built model: numbers from files or standard input, results to a file or standard
   output.  How they are read stands before this, in `program_numbers.c`. */

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
    printf("\n  --from FORMAT    npy, csv, floats (of 32 bits) or bytes (0 to 255: 0 to 1);\n"
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
        if (found->paths[f] != NULL) fail("is given twice", fields[f].name);
        found->paths[f] = equals + 1;
        return;
    }
    for (f = 0; f < FIELDS; f++)
        if (fields[f].is_input && !fields[f].is_length && found->paths[f] == NULL) break;
    if (f == FIELDS) fail("one file too many", word);
    found->paths[f] = word;
}

/* A number of examples, in decimal. */
static size_t count_in(const char *text) {
    size_t found = 0;
    for (int k = 0; text[k] != 0; k++) {
        if (text[k] < '0' || text[k] > '9' || found > INT_MAX) fail("is no number of examples", text);
        found = 10 * found + (size_t)(text[k] - '0');
    }
    if (found == 0) fail("is no number of examples", text);
    return found;
}

static struct request read_request(int count, char **words) {
    struct request found = {{NULL}, NULL, NULL, NULL, BY_NAME, BY_NAME, 0, 0};
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
            found.examples = count_in(value_of(&k, count, words));
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
        require_shape(&fields[f], &from, asked->paths[f]);
        if (n != 0 && own != n) fail("has another number of examples", asked->paths[f]);
        n = own;
        arrays[f] = words_of(&fields[f], from, asked->paths[f]);
    }
    for (int f = 0; f < FIELDS; f++) { /* without lengths, all elements are one sequence */
        if (!fields[f].is_length || arrays[f] != NULL) continue;
        for (int o = 0; o < FIELDS; o++)
            if (fields[o].time == fields[f].time && asked->paths[o] != NULL && arrays[f] == NULL) {
                if (held[o] == 0) fail("has no numbers", asked->paths[o]);
                arrays[f] = room_for(1, sizeof(int32_t));
                *(int32_t *)arrays[f] = (int32_t)(held[o] / (size_t)fields[o].size);
                if (n > 1) fail("a file is missing (see --help)", fields[f].name);
                n = 1;
            }
        if (arrays[f] == NULL) fail("a file is missing (see --help)", fields[f].name);
    }
    if (n == 0) n = asked->examples == 0 ? 1 : asked->examples;
    if (asked->examples != 0 && asked->examples != n)
        fail("the files have more or fewer examples than --examples says", "");
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
