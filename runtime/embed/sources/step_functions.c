void $NAME$_start(struct $NAME$_state *state) {
    memcpy(state, weights, sizeof *state);
}

int $NAME$_save(const struct $NAME$_state *state, const char *path) {
    return write_state(state, sizeof *state, path);
}

int $NAME$_load(struct $NAME$_state *state, const char *path) {
    return read_state(state, sizeof *state, path);
}

