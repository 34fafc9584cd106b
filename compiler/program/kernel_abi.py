"""The geometry of the library's kernels: which number stands where.

What a kernel computes follows from its geometry, a list of whole numbers: the schedule writes it
(`compiler/select/contraction.py`), the kernel reads it (`runtime/cpu/gemm`).  Strides and
moves count words.

A product (`contract_rows`, `contract_lanes`, `contract_dots`):

    y[row, column] (+)= sum over k1, k2 of a[row, k1, k2] * b[k1, k2, column]

    mode, columns, rows, a_row, y_row, k1, a_k1, b_k1, k2, a_k2, b_k2, how many outer loops,
    for each of them, outermost first: extent, and the words by which it moves a, b and y;
    for `contract_dots` at last: the words from one column to the next of b, and of y; and how many
    rows there are in all, which decides how the kernel handles them even if it has a share of them.

Each has a second kernel for very long sums, whose name ends with `_compensated`; a back end chooses
it where the batch is laid out.  A kernel whose name ends with `_bf16`, or `_bf16_compensated`,
rounds its operands to bfloat16 as it reads them.

Any strides at all (`contract_any`): mode, how many loops move y, how many do not; then, like outer
loops, those that move y and those that do not.

Some numbers are known only when the kernel is called.  In their place the compiler writes one of
the markers `Extent` or `MeanMode`; the runtime replaces a marker by the number, or copies it into
an entry's bytecode, where native code compares it.

An odd mode adds to y, an even one overwrites it; mode // 2, if it is not 0, divides the sum.

A long chain of additions loses precision.  `compiler/machine/addition_chains.py` bounds it.
A product adds up pieces of at most IN_PIECE terms in registers (IN_PANEL in a panel of
`contract_dots`), and at most MOST_PIECES such pieces in memory.  Where there are more pieces, it
adds up OF_PIECES of them at a time, and those sums are compensated.  `contract_any` adds up
IN_PIECE terms at a time, and those sums are compensated.  Sums over MOST_CHUNKS chunks, too; those
of more are compensated.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from math import prod

MODE = 0
COLUMNS = 1
ROWS, A_ROW, Y_ROW = 2, 3, 4
K1, A_K1, B_K1 = 5, 6, 7
K2, A_K2, B_K2 = 8, 9, 10
LOOP_COUNT, LOOPS = 11, 12  # how many outer loops, and where the first one is

LOOP = 4  # numbers of an outer loop; its extent comes first
A_LOOP, B_LOOP, Y_LOOP = 1, 2, 3
B_COLUMN, Y_COLUMN, ROWS_IN_ALL = 0, 1, 2  # after the outer loops
AFTER_LOOPS = 3  # so many numbers

MOST_LOOPS, MOST_ANY_LOOPS = 16, 40  # outer loops; of `contract_any`, of each kind
MOST_NUMBERS = LOOPS + LOOP * MOST_LOOPS  # and AFTER_LOOPS

OUTPUT_LOOPS, SUM_LOOPS, ANY_LOOPS = 1, 2, 3  # of `contract_any`: how many, and where they begin


class Extent(IntEnum):
    """Numbers that stand in place of an extent which is known only when a kernel is called.

    A kernel takes any negative extent for the length of the range that it is called for.
    """

    RANGE = -1  # all rows of that range: examples, or elements of a time
    SHARE = -2  # the same for rows that threads divide, so that its length must decide nothing
    WALK = -3  # one example's rows of a time, walked by a GPU's thread; only in loop nests
    EVERY = -(1 << 62)  # the number of examples in the batch, which bytecode has in its place


class MeanMode(IntEnum):
    """Numbers that stand in place of the mode of a mean, which is twice the number of examples, and
    1 more if the product adds to y.
    """

    SET = Extent.EVERY + 2
    ADD = SET + 1


PRODUCTS = "contract_rows", "contract_lanes", "contract_dots"
DROPPED = {"to_bfloat": 16, "to_tfloat": 13}  # bits of a float32 that go when it is rounded
ROUNDED = "_bf16"  # ends the name of a kernel that rounds its operands to bfloat16
COMPENSATED = "_compensated"  # ends the name of a kernel for very long sums


def product_of(name: str) -> str:
    """The name of a library kernel without the endings that say how it treats operands and sums."""
    return name.removesuffix(COMPENSATED).removesuffix(ROUNDED)


def share_start(extent: int, grain: int, thread: int, threads: int) -> int:
    """Where the share of thread number `thread` of [0, extent) begins: a multiple of `grain`."""
    return min(extent, grain * ((extent + grain - 1) // grain * thread // threads))


def number_for(number: int, examples: int) -> int:
    """A number of a geometry, with a marker replaced for a batch of `examples` examples."""
    if number == Extent.EVERY:
        return examples
    mean = MeanMode.SET <= number <= MeanMode.ADD
    return 2 * examples + number - MeanMode.SET if mean else number


def pieces_of(k1: int, k2: int, terms: int) -> int:
    """How many pieces, of up to `terms` terms each, a product over k1 x k2 terms adds up."""
    step2 = max(1, min(k2, terms))
    step1 = max(1, terms // step2)
    return ((k1 + step1 - 1) // step1) * ((k2 + step2 - 1) // step2)


def pieces_of_product(geometry: Sequence[int], rows: int, terms: int) -> int:
    """How often a product adds to one number of its result, over a range of `rows` rows."""
    outer = range(LOOPS, LOOPS + LOOP * geometry[LOOP_COUNT], LOOP)
    sums = [K1, K2, *(k for k in outer if not geometry[k + Y_LOOP])]
    k1, k2, *others = (rows if geometry[k] < 0 else geometry[k] for k in sums)
    return pieces_of(k1, k2, terms) * prod(others)
