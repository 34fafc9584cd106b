size_t $NAME$_workspace(int n) {
    return n == BATCH ? layout_of().end : 0;
}

int $NAME$_step($DECLARED$, int n, void *workspace, size_t bytes) {
    void *const arrays[ARRAYS] = {$ARRAYS_GIVEN$};
    void *const results[RESULTS] = {$RESULTS_GIVEN$};
    return run(arrays, results, state, n, workspace, bytes);
}

void $NAME$_start(struct $NAME$_state *state) {
    memcpy(state, weights, sizeof *state);
}

int $NAME$_save(const struct $NAME$_state *state, const char *path) {
    return write_state(state, sizeof *state, path);
}

int $NAME$_load(struct $NAME$_state *state, const char *path) {
    return read_state(state, sizeof *state, path);
}

