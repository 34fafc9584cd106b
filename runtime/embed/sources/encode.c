/* From the cells of a table to the numbers of one example, as the run that was trained reads them.
   `cell_kinds` says what each cell is, and `gaps` what a missing one may say; both stand before. */

struct cell_text { const char *text; size_t count; };

static int is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* A text without blanks around it. */
static struct cell_text trimmed(const char *text) {
    size_t count = strlen(text);
    while (count > 0 && is_blank(text[count - 1])) count--;
    while (count > 0 && is_blank(*text)) text++, count--;
    return (struct cell_text){text, count};
}

static int is_text(struct cell_text of, const char *text) {
    return strlen(text) == of.count && memcmp(of.text, text, of.count) == 0;
}

static int is_gap(struct cell_text of) {
    for (size_t k = 0; k < sizeof gaps / sizeof *gaps; k++)
        if (is_text(of, gaps[k])) return 1;
    return 0;
}

/* A number of at most so many digits at the start of a text; moves the text on, or answers -1. */
static int cell_digits(struct cell_text *of, int most, int least) {
    int value = 0, seen = 0;
    for (; seen < most && of->count > 0 && *of->text >= '0' && *of->text <= '9'; seen++) {
        value = 10 * value + (*of->text - '0');
        of->text++, of->count--;
    }
    return seen < least ? -1 : value;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar (Howard Hinnant, "chrono-compatible
   low-level date algorithms", days_from_civil). */
static int64_t days_to(int64_t year, int month, int day) {
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t in_era = year - era * 400;
    const int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/* A date in a format of %Y, %m, %d, %H, %M, %S and what stands between them; 0 if it is none. */
static int cell_date(struct cell_text of, const char *format, double *value) {
    int year = 1900, part[5] = {1, 1, 0, 0, 0}; /* month, day, hour, minute, second */
    static const int low[5] = {1, 1, 0, 0, 0}, high[5] = {12, 31, 23, 59, 59};
    static const char letters[] = "mdHMS";
    for (; *format != 0; format++) {
        if (*format != '%') {
            if (of.count == 0 || *of.text != *format) return 0;
            of.text++, of.count--;
        } else if (*++format == 'Y') {
            if ((year = cell_digits(&of, 4, 4)) < 1) return 0;
        } else {
            const int which = (int)(strchr(letters, *format) - letters);
            part[which] = cell_digits(&of, 2, 1);
            if (part[which] < low[which] || part[which] > high[which]) return 0;
        }
    }
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int leap = part[0] == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (of.count != 0 || part[1] > lengths[part[0] - 1] + leap) return 0;
    const int64_t seconds = part[2] * 3600 + part[3] * 60 + part[4];
    *value = (double)(days_to(year, part[0], part[1]) * 86400 + seconds) / 86400.0;
    return 1;
}

/* A number in decimal; 0 if it is none, or none that is finite. */
static int cell_number(struct cell_text of, double *value) {
    char text[64], *after;
    if (of.count == 0 || of.count >= sizeof text) return 0;
    memcpy(text, of.text, of.count);
    text[of.count] = 0;
    if (strspn(text, "0123456789+-.eE") != of.count) return 0;
    *value = strtod(text, &after);
    return *after == 0 && *value - *value == 0;
}

/* The number of a cell on its own scale. */
static int value_of_cell(struct cell_text of, const struct cell_kind *kind, double *value) {
    const int gap = is_gap(of);
    if (kind->names != NULL) {
        for (int k = 0; k < kind->count; k++)
            if (gap ? kind->names[k][0] == 0 : is_text(of, kind->names[k])) {
                *value = k;
                return 0;
            }
        return gap ? MISSING_CELL : WRONG_CELL;
    }
    if (gap) {
        *value = kind->gap;
        return kind->has_gap ? 0 : MISSING_CELL;
    }
    const int is_one = kind->date != NULL ? cell_date(of, kind->date, value) : cell_number(of, value);
    return is_one ? 0 : WRONG_CELL;
}

/* Write the cell's number to its place in an example. */
static int encode_cell(const char *text, const struct cell_kind *kind, void *array) {
    double value;
    const int code = value_of_cell(trimmed(text), kind, &value);
    if (code != 0) return code;
    if (kind->is_class) {
        if (!(value >= 0 && value < (double)kind->classes) || value != (double)(int64_t)value)
            return WRONG_CLASS;
        ((index_word *)array)[kind->at] = (index_word)value;
        return 0;
    }
    if (kind->scale != 0) value = (value - kind->centre) / kind->scale;
    ((real_word *)array)[kind->at] = (real_word)value;
    return 0;
}
