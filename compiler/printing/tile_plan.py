"""A product in tiles: which loops are its rows, columns, sums and repetitions, and its tile.

    y[z, m, n] (+)= sum over k of a[z, m, k] * b[z, k, n]

A block of a GPU's threads makes a tile of so many rows m and columns n, going along k a few steps
at a time: it copies what these need of a and b into memory that its threads share, and each thread
multiplies for several results at once, so that a word that is read is used many times.  Each of the
four indices counts several loops of the nest; every loop moves the addresses of a, b and y by a
fixed number of words, so a dense layer, a convolution and their gradients are one kernel.
`compiler/select/choose_tile.py` plans, `compiler/printing/tile_kernel.py` writes the text.
"""

from __future__ import annotations

from math import prod

from gradc_compiler.loops.ir import MemAccess
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class BlockTile:
    """Rows and columns of a block's tile, the steps along k at a time, a thread's rows and columns
    (multiples of 4), how many blocks a multiprocessor is to have at once, and the share of
    multiplications among the instructions of its inner loop.
    """

    rows: int
    columns: int
    steps: int
    own_rows: int
    own_columns: int
    resident: int
    share: float

    @property
    def words(self) -> int:
        """Results of a block."""
        return self.rows * self.columns

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.words // (self.own_rows * self.own_columns)


@dataclass(frozen=True, slots=True)
class TileDim:
    """A loop, and the words by which it moves a, b and y.  A loop over rows has the extent None,
    and `scale` iterations for each row.
    """

    extent: int | None
    scale: int
    a: int
    b: int
    y: int

    @property
    def each(self) -> int:
        """Iterations on a single row."""
        return self.scale if self.extent is None else self.extent

    @property
    def moves(self) -> tuple[int, int, int]:
        """Words that it moves a, b and y."""
        return self.a, self.b, self.y


Dims = tuple[TileDim, ...]  # outermost first


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """A product on a tile.  `parts`: blocks that share a sum, each with memory for its part (0: one
    block makes the sum alone); `run`: terms that are added up one after another, before
    their sum is added to what is in memory.
    """

    tile: BlockTile
    z: Dims
    m: Dims
    n: Dims
    k: Dims
    a: MemAccess
    b: MemAccess
    y: MemAccess
    parts: int
    run: int
    adds: bool  # to what y holds
    mean: bool  # the sum is divided by the number of rows

    @property
    def by_k(self) -> tuple[bool, bool]:
        """Whether neighbouring threads read (a, b) along k; else they read a along m, b along n."""
        return _along_k(self.k, self.m, 0), _along_k(self.k, self.n, 1)

    @property
    def tiles(self) -> int:
        """Tiles of a result whose size is known."""
        rows, columns = _extent(self.m), _extent(self.n)
        across = -(-rows // self.tile.rows) * -(-columns // self.tile.columns)
        return across * _extent(self.z)

    @property
    def room(self) -> int:
        """Words that the parts of sums take: of each the sum, and what rounding lost of it."""
        return 2 * self.parts * self.tiles * self.tile.words

    @property
    def each(self) -> bool:
        """Whether the number of results grows with the rows."""
        return any(dim.extent is None for dim in (*self.z, *self.m, *self.n))

    @property
    def pieces(self) -> int:
        """The number of threads that pays, for each row or in all; any number gives the result."""
        if not self.each:
            return self.tiles * max(1, self.parts) * self.tile.threads
        words = prod(d.each for d in (*self.z, *self.m))
        columns = -(-_extent(self.n) // self.tile.columns)
        return max(1, -(-words * columns * self.tile.threads // self.tile.rows))


def _extent(dims: Dims) -> int:
    return prod(dim.each for dim in dims)


def _along_k(k: Dims, others: Dims, operand: int) -> bool:
    """Whether an operand's neighbours in memory are neighbours along k."""
    inner = abs(k[-1].moves[operand]) if k else 0
    other = abs(others[-1].moves[operand]) if others else 0
    return inner == 1 or (inner > 0 and other != 1)
