"""The writer of a tile kernel's text: it names numbers, and finds addresses from an index.

One index counts several loops.  To find by how many words it moves an operand, it is taken apart
into the counters of these loops.
Divisions by their extents are products with a known reciprocal.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.printing.common import CodeLines
from gradc_compiler.printing.tile_plan import Dims, TilePlan
from gradc_compiler.records.fast_dataclass import dataclass


def reciprocal(divisor: int) -> tuple[int, int]:
    """(multiplier, shift) with n // divisor == n * multiplier >> 32 + shift, for n below 2^31.

    With N = 31 and l = ceil(log2 divisor): ceil(2^(N + l) / divisor) (Granlund and Montgomery,
    Division by invariant integers using multiplication, PLDI 1994, theorem 4.2).
    """
    assert divisor > 1, "a loop of one iteration has no index"
    log = (divisor - 1).bit_length()
    return -(-(1 << (31 + log)) // divisor), log - 1


@dataclass(kw_only=True)
class TileWriter(CodeLines):
    """Writes lines; each number of the geometry has one name, and so has each intermediate."""

    plan: TilePlan
    names: int = 0
    table: str = ""  # the table that numbers are read from again, to save registers

    def number(self, value: int) -> str:
        """The name of a number; equal ones are one."""
        if value not in self.geometry:
            self.geometry.append(value)
        k = self.geometry.index(value)
        return f"table[{self.table} + {self.operands + k}]" if self.table else f"g{k}"

    @property
    def operands(self) -> int:
        """Words that are before the numbers."""
        return 4 if self.plan.parts else 3

    def new(self, text: str, letter: str = "i") -> str:
        """A new name for a value."""
        name = f"{letter}{self.names}"
        self.names += 1
        self.line(f"{name} = {text}")
        return name

    def count(self, dims: Dims) -> str:
        """How many values an index has."""
        rows = any(dim.extent is None for dim in dims)
        words = 1
        for dim in dims:
            words *= dim.each
        if not rows:
            return self.number(words)
        return "count" if words == 1 else f"count * {self.number(words)}"

    def counters(self, index: str, dims: Dims) -> list[str]:
        """Loop counters from an index, the outermost first."""
        found: list[str] = []
        for dim in reversed(dims[1:]):
            multiplier, shift = map(self.number, reciprocal(dim.each))
            rest = self.new(f"divided({index}, {multiplier}, {shift})")
            found.append(self.new(f"whole({index} - {rest} * {self.number(dim.each)})"))
            index = rest
        first = dims[0]
        if first.extent is None:
            begin = "begin" if first.scale == 1 else f"begin * {self.number(first.scale)}"
            index = self.new(f"index({index}) + {begin}")
        return [index, *reversed(found)]

    def offset(self, index: str, dims: Dims, operands: Sequence[int]) -> list[str]:
        """How far an index moves some operands (0: a, 1: b, 2: y), in words."""
        counters = self.counters(index, dims) if dims else []
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


def row_words(w: TileWriter, operand: int) -> int:
    """Words from a step's numbers of an operand to the next step's."""
    width = (w.plan.tile.rows, w.plan.tile.columns)[operand]
    return width + 4 if w.plan.by_k[operand] else width


def ends(w: TileWriter) -> None:
    """How many rows, columns and terms there are, and tiles."""
    plan, tile = w.plan, w.plan.tile
    for k, dims in enumerate((plan.m, plan.n, plan.k, plan.z)):
        w.line(f"e{k} = whole({w.count(dims)})")
    w.line(f"c0 = whole({over(f'(e0 + {tile.rows - 1})', tile.rows)})")
    w.line(f"c1 = whole({over(f'(e1 + {tile.columns - 1})', tile.columns)})")


def begin_tile(w: TileWriter) -> None:
    """Which tile it is, and the words of a, b and y at its first row and column.

    These are computed again wherever they are needed, from numbers that LLVM cannot know it has
    read before: else it would keep them in registers, which the products need.
    """
    plan, tile = w.plan, w.plan.tile
    w.line("z0 = again(at)")
    w.table = "z0"
    ends(w)
    w.line("b0 = ratio(t1, c1)")
    w.line(f"h1 = whole((t1 - b0 * c1) * {tile.columns})")
    w.line("t2 = ratio(b0, c0)")
    w.line(f"h0 = whole((b0 - t2 * c0) * {tile.rows})")
    if plan.parts:
        parts = w.number(plan.parts)
        w.line("b0 = t2")
        w.line(f"t2 = ratio(b0, {parts})")
        w.line(f"u0 = whole(b0 - t2 * {parts})")
    _first_words(w)


def _first_words(w: TileWriter) -> None:
    """a0, b2 and y0: where a, b and y have the first row and column of a tile."""
    plan = w.plan
    za, zb, zy = w.offset("t2", plan.z, (0, 1, 2))
    ma, my = w.offset("h0", plan.m, (0, 2))
    nb, ny = w.offset("h1", plan.n, (1, 2))
    w.line(f"a0 = table[z0] + {za} + {ma}")
    w.line(f"b2 = table[z0 + 1] + {zb} + {nb}")
    w.line(f"y0 = table[z0 + 2] + {zy} + {my} + {ny}")
    for name, value in (("f0", ma), ("f1", nb), ("f2", my), ("f3", ny)):
        w.line(f"{name} = {value}")
