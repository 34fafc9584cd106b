/* What every built program has: faults, memory, files, and weights of a file. */

static void fail(const char *what, const char *about) {
    fprintf(stderr, "%s: %s%s%s\n", PROGRAM, what, about[0] ? ": " : "", about);
    exit(2);
}

static void *room_for(size_t count, size_t each) {
    void *found = count > SIZE_MAX / 2 / each ? NULL : malloc(count * each + 1);
    if (found == NULL) fail("too little memory", "");
    return found;
}

struct bytes { unsigned char *all; size_t count; };

static struct bytes read_all(const char *path) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) fail("cannot be read", path);
    size_t room = 1 << 16;
    struct bytes found = {room_for(room, 1), 0};
    for (size_t got; (got = fread(found.all + found.count, 1, room - found.count, file)) > 0;) {
        found.count += got;
        if (found.count < room) continue;
        if (room > SIZE_MAX / 4) fail("too long", path);
        unsigned char *more = realloc(found.all, (room *= 2) + 1);
        if (more == NULL) fail("too little memory", path);
        found.all = more;
    }
    if (ferror(file)) fail("cannot be read", path);
    if (file != stdin) fclose(file);
    found.all[found.count] = 0;
    return found;
}

/* The weights of a file, or NULL: those inside. */
static void *read_weights(const char *path) {
#if HAS_WEIGHTS
    if (path == NULL) return NULL;
    const char *tensor;
    void *weights = room_for(weights_size, 1);
    const int code = load_weights(weights, path, &tensor);
    if (code == 0) return weights;
    fprintf(stderr, "%s: %s: %s%s%s\n", PROGRAM, path, message_of(code),
            tensor == NULL ? "" : ": ", tensor == NULL ? "" : tensor);
    exit(2);
#else
    (void)path;
    return NULL;
#endif
}

