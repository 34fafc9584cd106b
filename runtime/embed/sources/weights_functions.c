int $NAME$_load(struct $NAME$_weights *weights, const char *path, const char **tensor) {
    const int code = read_tensors(weights, path, tensor);
    return code != 0 ? code : prepare((void *)weights);
}

int $NAME$_prepare(struct $NAME$_weights *weights) {
    return prepare((void *)weights);
}

int $NAME$_run_with(const struct $NAME$_weights *weights, $DECLARED$, int n, void *workspace,
                    size_t bytes) {
    void *const arrays[ARRAYS] = {$ARRAYS_GIVEN$};
    $LENGTHS$
    if (weights == NULL) return NULL_POINTER;
    const struct numbers numbers = {weights, (const real_word *)(const void *)weights + MADE_AT};
    return run(&numbers, arrays, $LENGTHS_PASSED$n, workspace, bytes);
}

