/* The program of a prediction: rows of a CSV table from a file or standard input, and what the
   network says of each, as a CSV table.  What is specific to it stands before this. */

/* ---- the table ---- */

struct row { size_t first, count, line; };

struct table {
    char **cells;
    struct row *rows;
    size_t cell_count, cell_room, row_count, row_room;
};

static void *grown(void *of, size_t count, size_t *room, size_t each) {
    if (count < *room) return of;
    *room = *room == 0 ? 256 : 2 * *room;
    void *more = *room > SIZE_MAX / 2 / each ? NULL : realloc(of, *room * each);
    if (more == NULL) fail("too little memory", "");
    return more;
}

static void add_cell(struct table *to, char *text) {
    to->cells = grown(to->cells, to->cell_count, &to->cell_room, sizeof *to->cells);
    to->cells[to->cell_count++] = text;
    to->rows[to->row_count - 1].count++;
}

/* The cell at `at`, in place; `at` moves to what ends it.  NULL where quotes are wrong. */
static char *cell_at(char **at, const char *end, char separator, size_t *line) {
    char *from = *at, *to = *at;
    if (from < end && *from == '"') {
        char *text = to;
        for (from++;; from++) {
            if (from == end) return NULL;
            *line += *from == '\n';
            if (*from == '"' && *++from != '"') break;
            *to++ = *from;
        }
        if (from < end && *from != separator && *from != '\n' && *from != '\r') return NULL;
        *at = from;
        if (to != from) *to = 0; /* what ends the cell is kept */
        return text;
    }
    while (from < end && *from != separator && *from != '\n' && *from != '\r') from++;
    *at = from;
    return to;
}

/* All rows that are not blank, or those of the first lines; 0 where the text is no table. */
static int parse(struct table *found, char *at, char *end, char separator) {
    size_t line = 1;
    while (at < end) {
        if (*at == '\n' || *at == '\r') {
            line += *at == '\n' || at + 1 == end || at[1] != '\n';
            at++;
            continue;
        }
        found->rows = grown(found->rows, found->row_count, &found->row_room, sizeof *found->rows);
        found->rows[found->row_count++] = (struct row){found->cell_count, 0, line};
        for (int more = 1; more;) {
            char *text = cell_at(&at, end, separator, &line);
            if (text == NULL) return 0;
            add_cell(found, text);
            more = at < end && *at == separator;
            if (!more) found->rows[found->row_count - 1].line = line;
            if (at < end && !more) line += *at == '\n' || at + 1 == end || at[1] != '\n';
            *at++ = 0; /* the end of the text has room for it */
        }
    }
    return 1;
}

static void forget(struct table *of) {
    free(of->cells);
    free(of->rows);
    *of = (struct table){0};
}

/* ---- how it is written ---- */

struct dialect { char separator, decimal, thousands; };

static char *copy_of(const char *text, size_t count) {
    char *found = room_for(count + 1, 1);
    memcpy(found, text, count);
    found[count] = 0;
    return found;
}

/* What gives the most rows as many columns as the first has, and the most of them. */
static char separator_of(const char *text, size_t count) {
    static const char known[] = ",;\t|";
    char best = ',';
    double most_alike = 0;
    size_t most = 1;
    for (int k = 0; known[k] != 0; k++) {
        char *own = copy_of(text, count);
        struct table found = {0};
        if (parse(&found, own, own + count, known[k]) && found.row_count > 0) {
            size_t columns = found.rows[0].count, same = 0;
            for (size_t r = 0; r < found.row_count; r++) same += found.rows[r].count == columns;
            const double alike = (double)same / (double)found.row_count;
            if (columns > 1 && alike > 0.5 &&
                (alike > most_alike || (alike == most_alike && columns > most)))
                best = known[k], most_alike = alike, most = columns;
        }
        forget(&found);
        free(own);
    }
    return best;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* After a sign: how many digits there are. */
static size_t digits_at(const char *text) {
    size_t count = 0;
    while (is_digit(text[count])) count++;
    return count;
}

/* Whether a cell is groups of three digits, 1.234.567, and perhaps a part after another sign. */
static int is_grouped(const char *text, const char *signs, const char *decimals, int needs_part) {
    text += *text == '+' || *text == '-';
    size_t count = digits_at(text);
    if (count < 1 || count > 3) return 0;
    text += count;
    int groups = 0;
    while (*text != 0 && strchr(signs, *text) != NULL && digits_at(text + 1) == 3)
        text += 4, groups++;
    if (groups == 0) return 0;
    if (*text == 0) return !needs_part;
    return strchr(decimals, *text) != NULL && digits_at(text + 1) > 0 &&
           text[1 + digits_at(text + 1)] == 0;
}

static int is_parted(const char *text, char decimal) {
    text += *text == '+' || *text == '-';
    text += digits_at(text);
    return *text == decimal && digits_at(text + 1) > 0 && text[1 + digits_at(text + 1)] == 0;
}

static char *trim(char *text) {
    size_t count = strlen(text);
    while (count > 0 && strchr(" \t\r\n\v\f", text[count - 1]) != NULL) text[--count] = 0;
    while (*text != 0 && strchr(" \t\r\n\v\f", *text) != NULL) text++;
    return text;
}

/* Whether a cell has its comma before thousands, or three decimals: `12,500`. */
static int has_two_readings(const char *text) {
    text += *text == '+' || *text == '-';
    const size_t count = digits_at(text);
    return *text != '0' && count >= 1 && count <= 3 && digits_at(text + count + 1) == 3;
}

static struct dialect dialect_of(const char *text, size_t count, const char *path) {
    struct dialect found = {SAID_SEPARATOR, '.', 0};
    if (found.separator == 0) found.separator = separator_of(text, count);
    char *own = copy_of(text, count);
    struct table head = {0};
    int points = 0, commas = 0, comma = 0, point = 0, is_clear = 0, is_point = 0;
    if (parse(&head, own, own + count, found.separator))
        for (size_t r = 1; r < head.row_count; r++)
            for (size_t k = 0; k < head.rows[r].count; k++) {
                const char *cell = trim(head.cells[head.rows[r].first + k]);
                points |= is_grouped(cell, ".", ",", 1);
                commas |= is_grouped(cell, ",", ".", 1);
                comma |= is_parted(cell, ',');
                is_clear |= is_parted(cell, ',') && !has_two_readings(cell);
                point |= is_parted(cell, '.');
                is_point |= is_parted(cell, '.') && !has_two_readings(cell);
            }
    forget(&head);
    free(own);
    const int is_silent = USUAL_DECIMAL != 0 && SAID_DECIMAL == 0 && SAID_THOUSANDS == 0;
    const int divides = found.separator == USUAL_DECIMAL && memchr(text, found.separator, count);
    if (is_silent && !divides && !points && !commas && !is_clear && !is_point)
        return (struct dialect){found.separator, USUAL_DECIMAL, USUAL_THOUSANDS};
    if (points != commas) {
        found.decimal = points ? ',' : '.';
        found.thousands = points ? '.' : ',';
    } else if (found.separator != ',' && comma && !point) {
        found.decimal = ',';
        if (!is_clear && SAID_DECIMAL == 0 && SAID_THOUSANDS == 0) {
            fprintf(stderr, "%s: %s: each number may have its comma before thousands or decimals\n",
                    PROGRAM, path);
            exit(2);
        }
    }
    if (SAID_DECIMAL != 0 && SAID_DECIMAL != found.decimal)
        found = (struct dialect){found.separator, SAID_DECIMAL, 0};
    if (SAID_THOUSANDS != 0) found.thousands = SAID_THOUSANDS;
    if (found.thousands == found.decimal) found.decimal = '.';
    return found;
}

/* A number as C writes it, in place; what is none becomes a word that is none. */
static void respell(char *text, struct dialect how) {
    char *at = trim(text), *to = at;
    if (how.thousands != 0 && strchr(at, how.thousands) != NULL) {
        if (!is_grouped(at, ".,' ", ".,", 0)) *at = '?';
        for (char *from = at; *from != 0; from++)
            if (*from != how.thousands) *to++ = *from;
        *to = 0;
    }
    if (how.decimal == ',') {
        if (strchr(at, '.') != NULL) *at = '?';
        for (; *at != 0; at++)
            if (*at == ',') *at = '.';
    }
}

/* ---- columns ---- */

/* A name without capitals, and with one `_` for blanks and signs. */
static void simplify(const char *from, char *to, size_t room) {
    size_t count = 0;
    for (; *from != 0 && count + 2 < room; from++) {
        const char c = *from >= 'A' && *from <= 'Z' ? (char)(*from + 32) : *from;
        const int is_word = (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || (unsigned char)c > 127;
        if (is_word)
            to[count++] = c;
        else if (count > 0 && to[count - 1] != '_')
            to[count++] = '_';
    }
    while (count > 0 && to[count - 1] == '_') count--;
    to[count] = 0;
    const size_t blank = strspn(to, "_");
    memmove(to, to + blank, count - blank + 1);
}

/* The place of a column in the header: by its name, or, if it is called as its field, the only one
   that is called alike. */
static size_t place_of(const char *name, int exactly, const struct table *of, const char *path) {
    const struct row *header = &of->rows[0];
    size_t found = header->count, alike = 0;
    for (size_t k = 0; k < header->count; k++)
        if (strcmp(trim(of->cells[header->first + k]), name) == 0) return k;
    char wanted[256], other[256];
    simplify(name, wanted, sizeof wanted);
    for (size_t k = 0; k < header->count; k++) {
        simplify(of->cells[header->first + k], other, sizeof other);
        if (strcmp(wanted, other) == 0) found = k, alike++;
    }
    if (alike == 1 && !exactly) return found;
    fprintf(stderr, "%s: %s: no column %s\n", PROGRAM, path, name);
    exit(2);
}

/* ---- answers ---- */

/* The shortest decimal number that is read back as it is. */
static void write_number(FILE *to, double value) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, to);
}

/* A title and a text as one cell, in quotes where it needs them. */
static void write_text(FILE *to, const char *title, const char *text) {
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fprintf(to, "%s%s", title, text);
        return;
    }
    fprintf(to, "\"%s", title);
    for (; *text != 0; text++) {
        if (*text == '"') putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

static void write_name(FILE *to, const char *title, const struct answer *of, int64_t k) {
    char number[32];
    snprintf(number, sizeof number, of->name_count > 0 ? "(class %lld)" : "%lld", (long long)k);
    write_text(to, title, k < of->name_count ? of->names[k] : number);
}

static void write_header(FILE *to) {
    fputs("row", to);
    for (int a = 0; a < ANSWERS; a++) {
        const struct answer *of = &answers[a];
        if (of->meaning != NUMBERS) fprintf(to, ",%s,%s_probability", of->field, of->field);
        for (int64_t k = 0; k < of->size; k++) {
            if (of->meaning == NUMBERS && of->is_vector)
                fprintf(to, ",%s_%lld", of->field, (long long)k);
            else if (of->meaning == NUMBERS)
                fprintf(to, ",%s", of->field);
            if (of->meaning == SCORES || of->meaning == PROBABILITIES) {
                putc(',', to);
                write_name(to, of->title, of, k);
            }
        }
    }
    putc('\n', to);
}

/* The probabilities of classes, from scores or as they are. */
static void write_classes(FILE *to, const struct answer *of, const real_word *given) {
    double *likely = room_for((size_t)of->size, sizeof *likely), total = 0, largest = given[0];
    for (int64_t k = 1; k < of->size; k++)
        if (given[k] > largest) largest = given[k];
    for (int64_t k = 0; k < of->size; k++) {
        likely[k] = of->meaning == SCORES ? exp((double)given[k] - largest) : given[k];
        total += likely[k];
    }
    int64_t best = 0;
    for (int64_t k = 0; k < of->size; k++) {
        if (of->meaning == SCORES) likely[k] /= total;
        if (likely[k] > likely[best]) best = k;
    }
    putc(',', to);
    write_name(to, "", of, best);
    putc(',', to);
    write_number(to, likely[best]);
    for (int64_t k = 0; k < of->size; k++) {
        putc(',', to);
        write_number(to, likely[k]);
    }
    free(likely);
}

static void write_answer(FILE *to, const struct answer *of, const real_word *given) {
    if (of->meaning == SCORES || of->meaning == PROBABILITIES) {
        write_classes(to, of, given);
    } else if (of->meaning == NUMBERS) {
        for (int64_t k = 0; k < of->size; k++) {
            putc(',', to);
            const double value = given[k];
            write_number(to, of->scales == NULL ? value : value * of->scales[k] + of->centres[k]);
        }
    } else {
        double likely = given[0];
        if (of->meaning == LOGIT) {
            const double power = exp(-fabs(likely));
            likely = (likely >= 0 ? 1.0 : power) / (1.0 + power);
        }
        fprintf(to, ",%d,", likely > 0.5);
        write_number(to, likely);
    }
}

/* ---- the command line ---- */

struct request { const char *path, *written, *weights; };

static void help(void) {
    printf("%s: a prediction that gradc built; needs nothing else.\n\n", PROGRAM);
    printf("    %s [OPTIONS] FILE.csv\n\nFILE is a table with a header; `-` is standard input.\n\n",
           PROGRAM);
    for (int k = 0; k < CELLS; k++) printf("  reads   %s\n", column_of(k));
    for (int a = 0; a < ANSWERS; a++) printf("  gives   %s\n", answers[a].field);
    printf("\n  -o FILE          write there\n%s  -h, --help       this text\n",
           HAS_WEIGHTS ? "  --weights FILE   those of a .safetensors file, in place of those inside\n" : "");
}

static struct request read_request(int count, char **words) {
    struct request found = {NULL, NULL, NULL};
    for (int k = 1; k < count; k++) {
        const char **value = strcmp(words[k], "-o") == 0 ? &found.written : NULL;
        if (HAS_WEIGHTS && strcmp(words[k], "--weights") == 0) value = &found.weights;
        if (strcmp(words[k], "-h") == 0 || strcmp(words[k], "--help") == 0) {
            help();
            exit(0);
        } else if (value != NULL) {
            if (k + 1 == count) fail("needs a value", words[k]);
            *value = words[++k];
        } else if (words[k][0] == '-' && words[k][1] != 0) {
            fail("there is no such option (see --help)", words[k]);
        } else if (found.path != NULL) {
            fail("one file too many", words[k]);
        } else {
            found.path = words[k];
        }
    }
    return found;
}

/* The length of the first lines, by which a table is judged. */
static size_t head_of(const char *text, size_t count) {
    size_t at = 0;
    for (int line = 0; at < count && line < LOOKED_AT; at++)
        line += text[at] == '\n' || (text[at] == '\r' && text[at + 1] != '\n');
    return at;
}

static struct table read_table(char *text, size_t count, struct dialect how, const char *path) {
    struct table found = {0};
    if (!parse(&found, text, text + count, how.separator)) fail("is no table: its quotes", path);
    if (found.row_count < 1 + HAS_HEADER) fail("needs a header and at least one row", path);
    for (size_t r = 0; r < found.row_count; r++)
        if (found.rows[r].count != found.rows[0].count) {
            fprintf(stderr, "%s: %s:%zu: %zu values, but the first row has %zu\n", PROGRAM, path,
                    found.rows[r].line, found.rows[r].count, found.rows[0].count);
            exit(2);
        }
    return found;
}

/* Encode all rows into the arrays; gives how many are kept, and their numbers. */
static size_t encode_rows(struct table *of, struct dialect how, void *const *arrays,
                          size_t *numbers, const char *path) {
    size_t places[CELLS], kept = 0;
    for (int k = 0; k < CELLS; k++)
        places[k] = HAS_HEADER ? place_of(column_of(k), is_exact[k], of, path) : (size_t)atol(column_of(k)) - 1;
    for (size_t r = HAS_HEADER; r < of->row_count; r++) {
        const char *cells[CELLS];
        int wrong = 0;
        for (int k = 0; k < CELLS; k++) {
            if (places[k] >= of->rows[r].count) fail("has too few columns", path);
            char *cell = trim(of->cells[of->rows[r].first + places[k]]);
            if (is_number[k]) respell(cell, how);
            cells[k] = cell;
        }
        const int code = encode_into(cells, arrays, kept, &wrong);
        if (code == MISSING_CELL && DROPS_GAPS) continue;
        if (code != 0) {
            fprintf(stderr, "%s: %s:%zu: column %s: \"%s\": %s\n", PROGRAM, path, of->rows[r].line,
                    column_of(wrong), cells[wrong], message_of(code));
            exit(2);
        }
        numbers[kept++] = r + !HAS_HEADER;
    }
    return kept;
}

int main(int count, char **words) {
    const struct request asked = read_request(count, words);
    int code = interface_check();
    if (code != 0) fail(message_of(code), "");
    if (asked.path == NULL) {
        help();
        return 2;
    }
    struct bytes of = read_all(asked.path);
    const size_t mark = of.count >= 3 && memcmp(of.all, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    char *text = (char *)of.all + mark;
    if (memchr(text, 0, of.count - mark) != NULL) fail("is no text: it has a byte of 0", asked.path);
    const struct dialect how = dialect_of(text, head_of(text, of.count - mark), asked.path);
    struct table table = read_table(text, of.count - mark, how, asked.path);
    if (table.row_count > INT_MAX) fail("too many rows", asked.path);
    void *arrays[FIELDS];
    for (int f = 0; f < FIELDS; f++)
        arrays[f] = room_for(table.row_count * (size_t)field_sizes[f], sizeof(real_word));
    size_t *numbers = room_for(table.row_count, sizeof *numbers);
    const size_t n = encode_rows(&table, how, arrays, numbers, asked.path);
    void *const weights = read_weights(asked.weights);
    code = n == 0 ? 0 : run_model(weights, arrays, (int)n);
    if (code != 0) fail(message_of(code), "");
    FILE *to = asked.written == NULL ? stdout : fopen(asked.written, "wb");
    if (to == NULL) fail("cannot be written", asked.written);
    write_header(to);
    for (size_t k = 0; k < n; k++) {
        fprintf(to, "%zu", numbers[k]);
        for (int a = 0; a < ANSWERS; a++) {
            const size_t start = k * (size_t)answers[a].size;
            write_answer(to, &answers[a], (const real_word *)arrays[answers[a].array] + start);
        }
        putc('\n', to);
    }
    if (fflush(to) != 0 || ferror(to)) fail("cannot be written", asked.written ? asked.written : "");
    if (to != stdout) fclose(to);
    for (int f = 0; f < FIELDS; f++) free(arrays[f]);
    free(numbers);
    free(weights);
    forget(&table);
    free(of.all);
    return 0;
}
