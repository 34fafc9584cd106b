size_t $NAME$_workspace(int n) {
    return n < 0 ? 0 : room_of(table_for(n));
}

int $NAME$_run_in($DECLARED$, int n, void *workspace, size_t bytes) {
    void *const arrays[ARRAYS] = {$ARRAYS_GIVEN$};
    return run(&inside, arrays, n, workspace, bytes);
}
