"""The geometry of the library's kernels: which number stands where.

What a kernel computes follows from its geometry, a list of whole numbers: the schedule writes it
(`compiler/select/contraction.py`), the kernel reads it (`runtime/cpu/gemm`).  Strides and
moves count words.

A product (`contract_rows`, `contract_lanes`, `contract_dots`):

    y[row, column] (+)= sum over k1, k2 of a[row, k1, k2] * b[k1, k2, column]

    mode, columns, rows, a_row, y_row, k1, a_k1, b_k1, k2, a_k2, b_k2, how many outer loops,
    for each of them, outermost first: extent, and the words by which it moves a, b and y;
    for `contract_dots` at last: the words from one column to the next of b, and of y.

Any strides at all (`contract_any`): mode, how many loops move y, how many do not; then, like outer
loops, those that move y and those that do not.

An odd mode adds to y, an even one overwrites it; mode // 2, if it is not 0, divides the sum.

How many additions a sum makes one after another stands in `compiler/machine/addition_chains.py`:
IN_PIECE terms of a product in registers (IN_PANEL in a panel of `contract_dots`), and at most
MOST_PIECES such pieces in memory; of more, at most OF_PIECES, and those sums compensated.  Of
`contract_any` IN_PIECE terms, and those sums compensated.  Sums over MOST_CHUNKS chunks, too; those
of more are compensated.
"""

from __future__ import annotations

MODE = 0
COLUMNS = 1
ROWS, A_ROW, Y_ROW = 2, 3, 4
K1, A_K1, B_K1 = 5, 6, 7
K2, A_K2, B_K2 = 8, 9, 10
LOOP_COUNT, LOOPS = 11, 12  # how many outer loops, and where the first one is

LOOP = 4  # numbers of an outer loop; its extent comes first
A_LOOP, B_LOOP, Y_LOOP = 1, 2, 3
B_COLUMN, Y_COLUMN = 0, 1  # after the outer loops

MOST_LOOPS, MOST_ANY_LOOPS = 16, 40  # outer loops; of `contract_any`, of each kind
MOST_NUMBERS = LOOPS + LOOP * MOST_LOOPS

OUTPUT_LOOPS, SUM_LOOPS, ANY_LOOPS = 1, 2, 3  # of `contract_any`: how many, and where they begin

EVERY = -(1 << 62)  # in a geometry: the number of examples in the batch
DIVIDED = EVERY + 2  # or one more: twice the number of examples, or one more


def pieces_of(k1: int, k2: int, terms: int) -> int:
    """In how many pieces of so many terms a product adds into its result."""
    step2 = max(1, min(k2, terms))
    step1 = max(1, terms // step2)
    return ((k1 + step1 - 1) // step1) * ((k2 + step2 - 1) // step2)
