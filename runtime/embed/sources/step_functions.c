void $NAME$_start(struct $NAME$_state *state) {
    memcpy(state, own_weights, sizeof *state);
}

int $NAME$_save(const struct $NAME$_state *state, const char *path) {
    return write_state(state, path);
}

int $NAME$_load(struct $NAME$_state *state, const char *path, const char **tensor) {
    return read_tensors(state, path, tensor);
}

