"""The writer of a tile kernel's text: it names numbers, and finds addresses from an index.

One index counts several loops.  To find by how many words it moves an operand, it is taken apart
into the counters of these loops.
Divisions by their extents are products with a known reciprocal.

A product whose windows meet is several products, its residues, of the same text with other numbers:
the geometry has all numbers of the first residue, then all of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from gradc_compiler.printing.common import CodeLines
from gradc_compiler.printing.tile_plan import (
    Dims,
    OperandReading,
    Precision,
    TileDim,
    TilePlan,
)
from gradc_compiler.records.fast_dataclass import dataclass

OTHERS = 3  # the first operand after a, b and y: what an epilogue reads and writes besides
STRIDE = 1 << 63  # no number of 64 bits: stands for the numbers of a residue until these are known


def reciprocal(divisor: int) -> tuple[int, int]:
    """(multiplier, shift) with n // divisor == (n + 1) * multiplier >> 32 + shift, for n from 0 to
    2^31 - 2.

    The reciprocal is rounded down, and one more than n makes up for that (Robison, N-bit unsigned
    division via N-bit multiply-add, ARITH 2005).
    """
    shift = divisor.bit_length() - 1
    return min((1 << 32 + shift) // divisor, (1 << 32) - 1), shift


@dataclass(kw_only=True)
class TileWriter(CodeLines):
    """Writes lines; each number of the geometry has one name, and so has each intermediate."""

    plan: TilePlan
    names: int = 0
    table: str = ""  # the table that numbers are read from again, to save registers
    numbers: list[tuple[int, ...]] = field(default_factory=list)  # of each residue

    @property
    def residues(self) -> int:
        """How many products this is."""
        return max(1, len(self.plan.residues))

    def number(self, *values: int) -> str:
        """The name of a number, the same for every residue or one for each; equal ones are one."""
        known = values * self.residues if len(values) == 1 else values
        if known not in self.numbers:
            self.numbers.append(known)
        k = self.numbers.index(known)
        return f"table[{self.table} + {self.operands + k}]" if self.table else f"g{k}"

    def all_numbers(self) -> tuple[int, ...]:
        """The geometry: all numbers, residue by residue."""
        each = [[row[k] for row in self.numbers] for k in range(self.residues)]
        return tuple(len(self.numbers) if n == STRIDE else n for row in each for n in row)

    @property
    def operands(self) -> int:
        """Words that are before the numbers: a, b, y, room for parts of sums, others."""
        epilogue = self.plan.epilogue
        return 3 + (self.plan.parts > 0) + (len(epilogue.others) if epilogue else 0)

    def new(self, text: str, letter: str = "i") -> str:
        """A new name for a value."""
        name = f"{letter}{self.names}"
        self.names += 1
        self.line(f"{name} = {text}")
        return name

    def forms(self, letter: str) -> list[tuple[TileDim, ...]]:
        """The dims of an index, z, m, n or k: each as it is in every residue."""
        own = {"m": [r.m for r in self.plan.residues], "k": [r.k for r in self.plan.residues]}
        dims: Dims = getattr(self.plan, letter)
        return [*zip(*(own.get(letter) or [dims]), strict=True)]

    def count(self, letter: str, *, most: bool = False) -> str:
        """How many values an index has; the `most` that it has in any residue."""
        forms = self.forms(letter)
        words = [1] * self.residues
        for form in forms:
            each = [dim.each for dim in form] * (self.residues if len(form) == 1 else 1)
            words = [n * m for n, m in zip(words, each, strict=True)]
        words = [max(words)] if most or len(set(words)) == 1 else words
        if not any(dim.extent is None for form in forms for dim in form):
            return self.number(*words)
        return "count" if words == [1] else f"count * {self.number(*words)}"

    def counters(self, index: str, letter: str) -> list[str]:
        """Loop counters from an index, the outermost first."""
        found: list[str] = []
        forms = self.forms(letter)
        for form in reversed(forms[1:]):
            pairs = zip(*(reciprocal(dim.each) for dim in form), strict=True)
            multiplier, shift = (self.number(*values) for values in pairs)
            rest = self.new(f"divided({index}, {multiplier}, {shift})")
            each = self.number(*(dim.each for dim in form))
            found.append(self.new(f"whole({index} - {rest} * {each})"))
            index = rest
        first = forms[0][0]
        if first.extent is None:
            begin = "begin" if first.scale == 1 else f"begin * {self.number(first.scale)}"
            index = self.new(f"index({index}) + {begin}")
        return [index, *reversed(found)]

    def offset(
        self, index: str, letter: str, operands: Sequence[int], counters: Sequence[str] = ()
    ) -> list[str]:
        """How far an index moves some operands (0: a, 1: b, 2: y), in words."""
        dims: Dims = getattr(self.plan, letter)
        counters = counters or (self.counters(index, letter) if dims else [])
        found = []
        for operand in operands:
            pairs = zip(counters, dims, strict=True)
            moved = [(c, d.moves[operand]) for c, d in pairs if d.moves[operand]]
            terms = [f"index({c})" if move == 1 else f"index({c}) * {self.number(move)}"
                     for c, move in moved]  # fmt: skip
            found.append(self.new(" + ".join(terms) or "index(0)"))
        return found


def over(text: str, number: int) -> str:
    """A whole number that is not below 0, divided by a power of two."""
    assert number & (number - 1) == 0, "sizes of tiles are powers of two"
    return f"{text} >> {number.bit_length() - 1}"


def width_of(w: TileWriter, operand: int) -> int:
    """Rows of the tile, of a, or its columns, of b."""
    return (w.plan.tile.rows, w.plan.tile.columns)[operand]


def row_words(w: TileWriter, operand: int) -> int:
    """Words from a step's numbers of an operand to the next step's; of four terms at a time, from a
    row's numbers to those of the next row.
    """
    pad = _pad(w.plan, w.plan.reads[operand])
    if w.plan.reads[operand] is OperandReading.FOUR_TERMS:
        return w.plan.tile.steps + pad
    return width_of(w, operand) + pad


def _pad(plan: TilePlan, reading: OperandReading) -> int:
    """Words between rows, so that the threads of a warp read from different banks."""
    if plan.precision is Precision.FLOAT32:
        return 4 if reading.along_k else 0
    four = reading is OperandReading.FOUR_TERMS
    return 8 if four == (plan.precision is Precision.BF16) else 4


def buffer_words(w: TileWriter, operand: int) -> int:
    """Words that one step's numbers of an operand take."""
    four = w.plan.reads[operand] is OperandReading.FOUR_TERMS
    return row_words(w, operand) * (width_of(w, operand) if four else w.plan.tile.steps)


def shared_ends(w: TileWriter) -> None:
    """How many columns and repetitions there are, and tiles; the same for every residue."""
    tile = w.plan.tile
    w.line(f"e1 = whole({w.count('n')})")
    w.line(f"e3 = whole({w.count('z')})")
    rows = w.count("m", most=True)
    w.line(f"c0 = whole({over(f'({rows} + {tile.rows - 1})', tile.rows)})")
    w.line(f"c1 = whole({over(f'(e1 + {tile.columns - 1})', tile.columns)})")


def own_ends(w: TileWriter) -> None:
    """How many rows and terms there are."""
    w.line(f"e0 = whole({w.count('m')})")
    w.line(f"e2 = whole({w.count('k')})")


def begin_tile(w: TileWriter) -> None:
    """Which tile it is, and the words of a, b and y at its first row and column.

    These are computed again wherever they are needed, from numbers that LLVM cannot know it has
    read before: else it would keep them in registers, which the products need.
    """
    plan, tile = w.plan, w.plan.tile
    w.line("z0 = again(at)")
    w.table = "z0"
    shared_ends(w)
    w.line("b0 = ratio(t1, c1)")
    w.line(f"h1 = whole((t1 - b0 * c1) * {tile.columns})")
    w.line("t2 = ratio(b0, c0)")
    w.line(f"h0 = whole((b0 - t2 * c0) * {tile.rows})")
    if plan.parts:
        parts = w.number(plan.parts)
        w.line("b0 = t2")
        w.line(f"t2 = ratio(b0, {parts})")
        w.line(f"u0 = whole(b0 - t2 * {parts})")
    if plan.residues:
        _find_residue(w)
    own_ends(w)
    _first_words(w)


def _find_residue(w: TileWriter) -> None:
    """Of which residue a tile is, whose numbers are read from here on."""
    w.line("t4 = ratio(t2, e3)")
    w.line("t2 = whole(t2 - t4 * e3)")
    w.line(f"z1 = z0 + index(t4) * {w.number(STRIDE)}")
    w.table = "z1"


def _first_words(w: TileWriter) -> None:
    """a0, b2 and y0: where a, b and y have the first row and column of a tile."""
    za, zb, zy = w.offset("t2", "z", (0, 1, 2))
    ma, my = w.offset("h0", "m", (0, 2))
    nb, ny = w.offset("h1", "n", (1, 2))
    further = w.plan.residues
    b = f" + {w.number(*(r.b for r in further))}" if further else ""
    y = f" + {w.number(*(r.y for r in further))}" if further else ""
    w.line(f"a0 = table[z0] + {za} + {ma}")
    w.line(f"b2 = table[z0 + 1] + {zb} + {nb}{b}")
    w.line(f"y0 = table[z0 + 2] + {zy} + {my} + {ny}{y}")
    for name, value in (("f0", ma), ("f1", nb), ("f2", my), ("f3", ny)):
        w.line(f"{name} = {value}")
