
int $NAME$_encode(const char *const *cells, $ENCODED$, int *wrong) {
    void *const fields[] = {$FIELDS$};
    int first = 0; /* code; one that is missing comes before one that means nothing */
    for (int k = 0; k < $MACRO$_CELLS; k++) {
        const int code = cells[k] == NULL ? NULL_POINTER
                         : encode_cell(cells[k], &cell_kinds[k], fields[cell_kinds[k].field]);
        if (code == 0 || (first != 0 && code != MISSING_CELL) || first == MISSING_CELL) continue;
        first = code;
        if (wrong != NULL) *wrong = k;
    }
    return first;
}

const char *$NAME$_column(int cell) {
    return cell >= 0 && cell < $MACRO$_CELLS ? cell_kinds[cell].column : NULL;
}
