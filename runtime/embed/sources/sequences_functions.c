size_t $NAME$_workspace($ASKED$) {
    const int32_t *const lengths[TIMES] = {$LENGTHS_GIVEN$};
    return workspace_of(lengths, n);
}

int $NAME$_run_in($DECLARED$, int n, void *workspace, size_t bytes) {
    void *const arrays[ARRAYS] = {$ARRAYS_GIVEN$};
    const int32_t *const lengths[TIMES] = {$LENGTHS_GIVEN$};
    return run(&inside, arrays, lengths, n, workspace, bytes);
}

