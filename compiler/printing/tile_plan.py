"""A product in tiles: which loops are its rows, columns, sums and repetitions, and its tile.

    y[z, m, n] (+)= sum over k of a[z, m, k] * b[z, k, n]

A block of a GPU's threads makes a tile of so many rows m and columns n, going along k a few steps
at a time: it copies what these need of a and b into memory that its threads share, and each thread
multiplies for several results at once, so that a word that is read is used many times.  Each of the
four indices counts several loops of the nest; every loop moves the addresses of a, b and y by a
fixed number of words, so a dense layer, a convolution and their gradients are one kernel.

The gradient of a convolution's input adds y[s * o + d * t] += a[o] * b[t], where several o and t
meet at a word.  Its tile takes the words in turn instead, and `gather_windows.py` in
`compiler/select` says how: as sums over what meets, one for each `Residue` of a word's place, with
a `TileWindow` for what would be read beyond the ends of a.
`compiler/select/choose_tile.py` plans, `compiler/printing/tile_kernel.py` writes the text.
"""

from __future__ import annotations

from enum import Enum
from math import prod

from gradc_compiler.loops.ir import MemAccess, Statement, Variable
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
    others: tuple[int, ...] = ()  # of an epilogue

    @property
    def each(self) -> int:
        """Iterations on a single row."""
        return self.scale if self.extent is None else self.extent

    @property
    def moves(self) -> tuple[int, ...]:
        """Words that it moves a, b and y, and what an epilogue reads and writes besides."""
        return self.a, self.b, self.y, *self.others


Dims = tuple[TileDim, ...]  # outermost first


class Precision(Enum):
    """What a product multiplies.  `TF32` and `BF16` are of operands that have been rounded to such
    numbers: their words have no other bits, and tensor cores multiply them (`tensor_tile.py`).
    """

    FLOAT32 = "float32"
    TF32 = "tf32"
    BF16 = "bf16"

    __hash__ = object.__hash__  # by identity, which is faster than by name


class OperandReading(Enum):
    """How neighbouring threads read an operand: along k (its terms) or along its rows (of b: its
    columns); each a word at a time, or four neighbours.
    """

    TERMS = "terms"
    ROWS = "rows"
    FOUR_TERMS = "four terms"
    FOUR_ROWS = "four rows"

    __hash__ = object.__hash__  # by identity, which is faster than by name

    @property
    def along_k(self) -> bool:
        """Whether neighbours in memory are neighbours along k."""
        return self in (OperandReading.TERMS, OperandReading.FOUR_TERMS)

    @property
    def words(self) -> int:
        """Words of a copy."""
        return 4 if self in (OperandReading.FOUR_TERMS, OperandReading.FOUR_ROWS) else 1


@dataclass(frozen=True, slots=True)
class TileWindow:
    """What is read of a at dim number `m` of m less `step` times dim number `k` of k is there only
    where this is in [0, extent); elsewhere 0 is meant.
    """

    m: int
    k: int
    step: int
    extent: int


@dataclass(frozen=True, slots=True)
class Residue:
    """A part of a product whose windows meet: its rows and terms, and how much further on b and y
    begin, in words.
    """

    m: Dims
    k: Dims
    b: int
    y: int
    others: tuple[int, ...] = ()  # of an epilogue


@dataclass(frozen=True, slots=True)
class Epilogue:
    """What is done with each result before it leaves the tile: statements over the result (`sums`:
    variables that stand for it) and words of `others`, the first of which are read, and the last
    written.  Unless y `stays`, nobody else reads the result itself.
    """

    sums: tuple[Variable, ...]
    loads: tuple[Variable, ...]
    statements: tuple[Statement, ...]
    stores: tuple[Variable, ...]
    others: tuple[MemAccess, ...]
    stays: bool


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
    reads: tuple[OperandReading, OperandReading]  # of a and b
    windows: tuple[TileWindow, ...] = ()
    residues: tuple[Residue, ...] = ()  # m and k above are those of the first, which has most
    epilogue: Epilogue | None = None
    precision: Precision = Precision.FLOAT32

    @property
    def tiles(self) -> int:
        """Tiles of a result whose size is known."""
        rows, columns = extent_of(self.m), extent_of(self.n)
        across = -(-rows // self.tile.rows) * -(-columns // self.tile.columns)
        return across * extent_of(self.z) * max(1, len(self.residues))

    @property
    def room(self) -> int:
        """Words that parts of sums take, for each row or in all: sums, and what rounding lost of
        them.
        """
        return 2 * self.parts * prod(map(extent_of, (self.z, self.m, self.n)))

    @property
    def one_run(self) -> bool:
        """Whether all terms of a sum are added up in one run."""
        return all(dim.extent is not None for dim in self.k) and extent_of(self.k) <= self.run

    @property
    def each(self) -> bool:
        """Whether the number of results grows with the rows."""
        return any(dim.extent is None for dim in (*self.z, *self.m, *self.n))

    @property
    def pieces(self) -> int:
        """The number of threads that pays, for each row or in all; any number gives the result."""
        if not self.each:
            return self.tiles * max(1, self.parts) * self.tile.threads
        words = prod(d.each for d in (*self.z, *self.m)) * max(1, len(self.residues))
        columns = -(-extent_of(self.n) // self.tile.columns)
        return max(1, -(-words * columns * self.tile.threads // self.tile.rows))


def extent_of(dims: Dims) -> int:
    """How many values an index has, of rows those of a single one."""
    return prod(dim.each for dim in dims)
