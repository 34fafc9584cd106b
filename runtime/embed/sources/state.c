/* A state in a file: every tensor by its name, as other programs read them too. */

static int write_state(const void *state, const char *path) {
    if (state == NULL || path == NULL) return NULL_POINTER;
    FILE *file = fopen(path, "wb");
    if (file == NULL) return WRONG_FILE;
    const uint64_t length = sizeof file_header - 1;
    int good = 1;
    for (int k = 0; k < 8; k++) good = good && putc((int)(length >> 8 * k & 255), file) != EOF;
    good = good && fwrite(file_header, (size_t)length, 1, file) == 1;
    for (int k = 0; k < TENSORS; k++) {
        const unsigned char *at = (const unsigned char *)state + tensors[k].at * (int64_t)sizeof(real_word);
        const size_t count = (size_t)tensors[k].words;
        good = good && fwrite(at, sizeof(real_word), count, file) == count;
    }
    return fclose(file) == 0 && good ? 0 : WRONG_FILE;
}
