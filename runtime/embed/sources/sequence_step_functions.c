size_t $NAME$_workspace($ASKED$) {
    const int32_t *const lengths[TIMES] = {$LENGTHS_GIVEN$};
    return workspace_of(lengths, n);
}

int $NAME$_step($DECLARED$, int n, void *workspace, size_t bytes) {
    void *const arrays[ARRAYS] = {$ARRAYS_GIVEN$};
    void *const results[RESULTS] = {$RESULTS_GIVEN$};
    const int32_t *const lengths[TIMES] = {$LENGTHS_GIVEN$};
    return run(arrays, results, lengths, state, n, workspace, bytes);
}

