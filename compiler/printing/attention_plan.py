"""Attention on tiles: what its kernels go through, and by how many words each loop moves what.

A block of a GPU's threads has a tile of rows and goes through the columns that they are paired
with, so many at a time.  Of a pair there are one or two products; formulas make numbers of these,
and sums over the columns go on from there:

    forward        rows are queries    softmax of scores                 sum of weights times v
    of queries     rows are queries    slopes of scores                  sum of slopes times k
    of keys        rows are keys       weights, and slopes of scores     sums of both, times g and q

Numbers of pairs are in what the threads share, never in memory.
"""

from __future__ import annotations

from gradc_compiler.loops.ir import MemAccess, Statement, Variable
from gradc_compiler.records.fast_dataclass import dataclass

THREADS = 128  # of a block: 8 groups that have the same rows, of 16 threads
ACROSS = 16  # threads that have the same rows
DOWN = THREADS // ACROSS
WIDE = 4 * ACROSS  # results that the threads of a row have together


@dataclass(frozen=True, slots=True)
class PairTile:
    """A thread's rows (4 or 8), a tile's columns, the terms of products at a time, and how many
    blocks a multiprocessor is to have at once.
    """

    own_rows: int
    columns: int
    terms: int
    resident: int

    @property
    def rows(self) -> int:
        """Of a block."""
        return DOWN * self.own_rows

    @property
    def own_columns(self) -> int:
        """Of a thread."""
        return self.columns // ACROSS


@dataclass(frozen=True, slots=True)
class PairDim:
    """A loop, and the words by which it moves each operand; over examples the extent is None."""

    extent: int | None
    moves: tuple[int, ...]

    @property
    def each(self) -> int:
        """Iterations on a single example."""
        return 1 if self.extent is None else self.extent


@dataclass(frozen=True, slots=True)
class PlannedProduct:
    """A product for each pair: the numbers of the operands that have rows and columns, the loop
    that is summed over, and which of the two are copied four words at a time.
    """

    rows: int
    columns: int
    terms: PairDim
    fours: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class PlannedSum:
    """A sum over columns of a number of each pair times a row of an operand, whose loop `wide` goes
    along; where in the result it begins.
    """

    value: Variable
    factor: int
    wide: PairDim
    four: bool
    first: int

    @property
    def width(self) -> int:
        """Numbers of a row's sum that there is room for: a power of two."""
        return max(ACROSS, 1 << (self.wide.each - 1).bit_length())

    @property
    def shares(self) -> int:
        """Threads that share the columns of a sum, where it is narrow."""
        return WIDE // self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """The loops of a kernel: `z` repetitions, outermost first, rows and columns.

    `products` are what the variables `scores` stand for, `others` what formulas read besides.
    Operands are numbered: `matrices` of products and sums; the results of sums; what is known of
    rows after a softmax; others.  With `statistics` the only value goes through a softmax, and the
    result has, from these places on, the greatest of each row and the sum.
    """

    tile: PairTile
    z: tuple[PairDim, ...]
    rows: PairDim
    columns: PairDim
    products: tuple[PlannedProduct, ...]
    scores: tuple[Variable, ...]
    others: tuple[tuple[Variable, MemAccess], ...]
    statements: tuple[Statement, ...]
    sums: tuple[PlannedSum, ...]
    matrices: int
    statistics: tuple[int, int] | None
    law: str

    @property
    def of_rows(self) -> int:
        """The operand number of what is known of rows."""
        return self.matrices + len(self.sums)

    @property
    def tiles(self) -> int:
        """Tiles of an example."""
        found = -(-self.rows.each // self.tile.rows)
        for dim in self.z:
            found *= dim.each
        return found

    @property
    def each(self) -> bool:
        """Whether there are tiles for each example."""
        return any(dim.extent is None for dim in self.z)
