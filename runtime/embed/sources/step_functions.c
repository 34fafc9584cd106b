int $NAME$_start(struct $NAME$_state *state) {
    if (state == NULL) return NULL_POINTER;
    memcpy(state, own_weights, sizeof *state);
    return 0;
}

int $NAME$_save(const struct $NAME$_state *state, const char *path) {
    return write_state(state, path);
}

int $NAME$_load(struct $NAME$_state *state, const char *path, const char **tensor) {
    return read_tensors(state, path, tensor);
}

