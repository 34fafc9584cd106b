size_t $NAME$_workspace(int n) {
    return workspace_of(n);
}

int $NAME$_step($DECLARED$, int n, void *workspace, size_t bytes) {
    void *const arrays[ARRAYS] = {$ARRAYS_GIVEN$};
    void *const results[RESULTS] = {$RESULTS_GIVEN$};
    return run(arrays, results, state, n, workspace, bytes);
}

