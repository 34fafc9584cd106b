/* Reads and writes .safetensors files: eight bytes that say how long the header is; the header, a
   JSON object with the type, the shape and the place of each tensor by its name; the numbers.

   Nothing is allocated, and nothing that a file says is believed: a place lies within the file, a
   shape is the model's own, or the file is refused before any number is read. */

enum number_type { NO_TYPE, F64, F32, F16, BF16, I64, I32, OTHER_TYPE };

static const char *const type_names[] = {"", "F64", "F32", "F16", "BF16", "I64", "I32"};
static const int type_widths[] = {0, 8, 4, 2, 2, 8, 4};

enum { MOST_HEADER = 100000000, DEEPEST = 16, PIECE = 4096 }; /* bytes; levels of JSON; bytes */

struct span { int64_t begin, end; enum number_type type; }; /* of a tensor, in the numbers */

struct text { FILE *file; int64_t left; int byte, bad; }; /* the byte that is looked at, or -1 */

static void advance(struct text *of) {
    of->byte = of->left > 0 ? getc(of->file) : -1;
    of->left--;
}

static int accept(struct text *of, int byte) {
    while (of->byte == ' ' || of->byte == '\t' || of->byte == '\n' || of->byte == '\r') advance(of);
    if (of->byte != byte) return 0;
    advance(of);
    return 1;
}

static void expect(struct text *of, int byte) {
    if (!accept(of, byte)) of->bad = 1;
}

/* Room for a string: what is longer than every name is no name. */
struct word { char text[NAME_ROOM]; size_t count; };

static void put(struct word *to, unsigned byte) {
    if (to->count < sizeof to->text) to->text[to->count++] = (char)byte;
}

static void put_utf8(struct word *to, unsigned code) {
    if (code < 0x80) {
        put(to, code);
    } else if (code < 0x800) {
        put(to, 0xC0 | code >> 6);
    } else if (code < 0x10000) {
        put(to, 0xE0 | code >> 12);
        put(to, 0x80 | (code >> 6 & 63));
    } else {
        put(to, 0xF0 | code >> 18);
        put(to, 0x80 | (code >> 12 & 63));
        put(to, 0x80 | (code >> 6 & 63));
    }
    if (code >= 0x80) put(to, 0x80 | (code & 63));
}

static unsigned read_hex(struct text *of) {
    unsigned value = 0;
    for (int k = 0; k < 4; k++) {
        const int c = of->byte;
        if (c >= '0' && c <= '9') value = value * 16 + (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f') value = value * 16 + (unsigned)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') value = value * 16 + (unsigned)(c - 'A' + 10);
        else of->bad = 1;
        advance(of);
    }
    return value;
}

static void read_escape(struct text *of, struct word *to) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *found = of->byte <= 0 ? NULL : strchr(names, of->byte);
    if (found != NULL) {
        put(to, (unsigned char)values[found - names]);
        advance(of);
        return;
    }
    if (of->byte != 'u') of->bad = 1;
    advance(of);
    unsigned code = of->bad ? 0 : read_hex(of);
    if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair */
        if (of->byte != '\\') of->bad = 1;
        advance(of);
        if (of->byte != 'u') of->bad = 1;
        advance(of);
        const unsigned low = of->bad ? 0xDC00 : read_hex(of);
        if (low < 0xDC00 || low > 0xDFFF) of->bad = 1;
        code = 0x10000 + ((code - 0xD800) << 10) + ((low - 0xDC00) & 0x3FF);
    }
    put_utf8(to, code);
}

static void read_string(struct text *of, struct word *to) {
    to->count = 0;
    expect(of, '"');
    while (!of->bad && of->byte != '"') {
        if (of->byte < 32) {
            of->bad = 1; /* a control character, or the end */
        } else if (of->byte == '\\') {
            advance(of);
            read_escape(of, to);
        } else {
            put(to, (unsigned)of->byte);
            advance(of);
        }
    }
    advance(of);
}

static int says(const struct word *one, const char *name) {
    return strlen(name) == one->count && memcmp(name, one->text, one->count) == 0;
}

static int64_t read_whole(struct text *of) {
    int64_t value = 0;
    int digits = 0;
    (void)accept(of, ' ');
    for (; of->byte >= '0' && of->byte <= '9'; digits++, advance(of)) {
        if (digits > 17) {
            of->bad = 1;
            return 0;
        }
        value = value * 10 + (of->byte - '0');
    }
    if (digits == 0) of->bad = 1;
    return value;
}

/* Pass over a value of any kind. */
static void skip_value(struct text *of, int depth) {
    struct word unused;
    const int is_object = accept(of, '{'), is_list = !is_object && accept(of, '[');
    if (depth > DEEPEST) of->bad = 1;
    if (of->byte == '"' && !is_object && !is_list) {
        read_string(of, &unused);
    } else if (is_object || is_list) {
        const int close = is_object ? '}' : ']';
        if (accept(of, close)) return;
        do {
            if (is_object) {
                read_string(of, &unused);
                expect(of, ':');
            }
            if (!of->bad) skip_value(of, depth + 1);
        } while (!of->bad && accept(of, ','));
        expect(of, close);
    } else { /* a number, or true, false, null */
        int count = 0;
        while (of->byte > 0 && (strchr("+-.", of->byte) != NULL || (of->byte >= '0' && of->byte <= '9') ||
                                (of->byte >= 'a' && of->byte <= 'z') || of->byte == 'E'))
            advance(of), count++;
        if (count == 0) of->bad = 1;
    }
}

struct entry { struct span span; int64_t shape[MOST_DIMS]; int dims, seen; };

static void read_shape(struct text *of, struct entry *to) {
    expect(of, '[');
    for (to->dims = 0; !of->bad && !accept(of, ']'); to->dims++) {
        if (to->dims > 0) expect(of, ',');
        const int64_t size = read_whole(of);
        if (to->dims < MOST_DIMS) to->shape[to->dims] = size;
    }
}

static void read_member(struct text *of, struct entry *to) {
    struct word key, type;
    read_string(of, &key);
    expect(of, ':');
    if (says(&key, "dtype")) {
        read_string(of, &type);
        to->span.type = F64;
        while (to->span.type < OTHER_TYPE && !says(&type, type_names[to->span.type])) to->span.type++;
        to->seen |= 1;
    } else if (says(&key, "shape")) {
        read_shape(of, to);
        to->seen |= 2;
    } else if (says(&key, "data_offsets")) {
        expect(of, '[');
        to->span.begin = read_whole(of);
        expect(of, ',');
        to->span.end = read_whole(of);
        expect(of, ']');
        to->seen |= 4;
    } else if (!of->bad) {
        skip_value(of, 0);
    }
}

/* What the header says of one tensor, of as many bytes of numbers as there are. */
static void read_entry(struct text *of, struct entry *to, int64_t bytes) {
    memset(to, 0, sizeof *to);
    expect(of, '{');
    do read_member(of, to);
    while (!of->bad && accept(of, ','));
    expect(of, '}');
    if (to->seen != 7 || to->span.begin > to->span.end || to->span.end > bytes) of->bad = 1;
}

static int fits(const struct tensor *own, const struct entry *found) {
    const int type = found->span.type;
    if (type == OTHER_TYPE || own->is_whole != (type == I64 || type == I32)) return 0;
    if (found->dims != own->dims) return 0;
    for (int k = 0; k < own->dims; k++)
        if (found->shape[k] != own->shape[k]) return 0;
    return found->span.end - found->span.begin == own->words * type_widths[type];
}

static int number_of(const struct word *name) {
    for (int k = 0; k < TENSORS; k++)
        if (says(name, tensors[k].name)) return k;
    return -1;
}

/* Read the header: where each tensor lies; `bad` is told the number of one that is missing or does
   not fit. */
static int read_header(struct text *of, int64_t bytes, struct span *found, int *bad) {
    struct word name;
    struct entry entry;
    memset(found, 0, TENSORS * sizeof *found);
    advance(of);
    expect(of, '{');
    if (!accept(of, '}')) {
        do {
            read_string(of, &name);
            expect(of, ':');
            if (of->bad) break;
            if (says(&name, "__metadata__")) {
                skip_value(of, 0);
                continue;
            }
            read_entry(of, &entry, bytes);
            const int k = of->bad ? -1 : number_of(&name);
            if (k < 0) continue;
            if (found[k].type != NO_TYPE) of->bad = 1;
            found[k] = entry.span;
            if (!fits(&tensors[k], &entry)) return *bad = k, WRONG_TENSOR;
        } while (!of->bad && accept(of, ','));
        expect(of, '}');
    }
    (void)accept(of, ' '); /* nothing but spaces may follow */
    if (of->bad || of->byte != -1 || of->left > 0) return DAMAGED_FILE;
    for (int k = 0; k < TENSORS; k++)
        if (found[k].type == NO_TYPE) return *bad = k, MISSING_TENSOR;
    return 0;
}

static float half(uint16_t bits) {
    uint32_t wide, exponent = bits >> 10 & 31, fraction = bits & 1023;
    float value;
    if (exponent == 0) { /* a number without a leading 1 */
        value = (float)fraction / 16777216.0f;
        return bits >> 15 ? -value : value;
    }
    wide = (uint32_t)(bits >> 15) << 31 | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &wide, 4);
    return value;
}

static double real_at(const unsigned char *from, enum number_type type) {
    double wide;
    float single;
    uint16_t short_bits;
    uint32_t bits;
    if (type == F64) return memcpy(&wide, from, 8), wide;
    if (type == F32) return memcpy(&single, from, 4), (double)single;
    memcpy(&short_bits, from, 2);
    if (type == F16) return (double)half(short_bits);
    bits = (uint32_t)short_bits << 16;
    return memcpy(&single, &bits, 4), (double)single;
}

/* Convert a number and write it, if there is where; 0 if the model's type cannot hold it. */
static int set_number(unsigned char *to, const unsigned char *from, enum number_type type) {
    if (type == I64 || type == I32) {
        int64_t wide;
        int32_t narrow;
        if (type == I64) memcpy(&wide, from, 8);
        else memcpy(&narrow, from, 4), wide = narrow;
        const index_word whole = (index_word)wide;
        if (to != NULL) memcpy(to, &whole, sizeof whole);
        return whole == wide;
    }
    const double wide = real_at(from, type);
    const real_word real = (real_word)wide;
    if (to != NULL) memcpy(to, &real, sizeof real);
    return real - real == 0 || wide - wide != 0;
}

/* Read a tensor; `to` is null where it is only looked whether all of it can be held. */
static int read_tensor(FILE *file, const struct tensor *own, enum number_type type,
                       unsigned char *to) {
    unsigned char piece[PIECE];
    const size_t width = (size_t)type_widths[type];
    for (int64_t done = 0; done < own->words;) {
        const int64_t most = PIECE / (int64_t)width, rest = own->words - done;
        const size_t count = (size_t)(rest < most ? rest : most);
        if (fread(piece, width, count, file) != count) return WRONG_FILE;
        for (size_t k = 0; k < count; k++)
            if (!set_number(to == NULL ? NULL : to + ((size_t)done + k) * sizeof(real_word),
                            piece + k * width, type))
                return WRONG_TENSOR;
        done += (int64_t)count;
    }
    return 0;
}

static int read_open(FILE *file, unsigned char *words, int *bad) {
    unsigned char head[8];
    struct span found[TENSORS];
    if (fseek(file, 0, SEEK_END) != 0) return WRONG_FILE;
    const int64_t size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0) return WRONG_FILE;
    if (size < 8 || fread(head, 8, 1, file) != 1) return DAMAGED_FILE;
    uint64_t length = 0;
    for (int k = 7; k >= 0; k--) length = length << 8 | head[k];
    if (length > MOST_HEADER || (int64_t)length > size - 8) return DAMAGED_FILE;
    const int64_t start = 8 + (int64_t)length;
    struct text of = {file, (int64_t)length, -1, 0};
    const int fault = read_header(&of, size - start, found, bad);
    if (fault != 0) return fault;
    for (int turn = 0; turn < 2; turn++) /* first looked at, then taken over */
        for (int k = 0; k < TENSORS; k++) {
            if (turn == 0 && type_widths[found[k].type] <= (int)sizeof(real_word)) continue;
            if (fseek(file, (long)(start + found[k].begin), SEEK_SET) != 0) return WRONG_FILE;
            unsigned char *to = turn == 0 ? NULL : words + tensors[k].at * (int64_t)sizeof(real_word);
            const int wrong = read_tensor(file, &tensors[k], found[k].type, to);
            if (wrong != 0) return *bad = k, wrong;
        }
    return 0;
}

/* Tensors from a file, converted to the model's own type; nothing is written unless all of them are
   there and fit.  `which`, if it is not null, is told the name of the tensor that a code is about. */
static int read_tensors(void *words, const char *path, const char **which) {
    int bad = -1;
    if (which != NULL) *which = NULL;
    if (words == NULL || path == NULL) return NULL_POINTER;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return WRONG_FILE;
    const int code = read_open(file, words, &bad);
    fclose(file);
    if (which != NULL && bad >= 0) *which = tensors[bad].name;
    return code;
}
