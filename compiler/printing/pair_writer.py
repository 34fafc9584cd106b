"""The writer of a kernel of pairs (`attention_plan.py`): numbers, addresses, and copies.

In the text, `t0` is the thread; `d0` its first row, the next is 8 further on; `d1` which of the 16
threads of these rows it is.  `h0` and `h1` are the first row and column of tiles; `s0` has what is
copied: a few terms of both operands of a product, or rows of what is summed.
"""

from __future__ import annotations

from dataclasses import field

from gradc_compiler.printing.attention_plan import THREADS, PairDim, PairPlan
from gradc_compiler.printing.common import CodeLines
from gradc_compiler.records.fast_dataclass import dataclass

PAD = 4  # words between rows, so that the threads of a warp read from different banks
Range = tuple[int, PairDim, str, str]  # how many, of which loop, the first, and the end


@dataclass(kw_only=True)
class PairWriter(CodeLines):
    """Writes lines; each number of the geometry has one name."""

    plan: PairPlan
    known: dict[int, str] = field(default_factory=dict)

    @property
    def operands(self) -> int:
        """Words that come before the numbers: of matrices, the result, others."""
        return self.plan.matrices + 1 + len(self.plan.others)

    def number(self, value: int) -> str:
        """The name of a number; equal ones have one."""
        if value not in self.known:
            self.known[value] = super().number(value)
        return self.known[value]

    def moved(self, operand: int, *pairs: tuple[str, PairDim]) -> str:
        """How far counters of loops move an operand: ` + index(i1) * g3`."""
        found = ""
        for counter, dim in pairs:
            if move := dim.moves[operand]:
                factor = "" if move == 1 else f" * {self.number(move)}"
                found += f" + index({counter}){factor}"
        return found

    @property
    def threads(self) -> str:
        """How many threads a block has: as a number that the text does not know, so that loops over
        what they share stay loops, which take fewer registers.
        """
        return self.number(THREADS)

    def rows(self) -> Range:
        """The rows of a tile."""
        return self.plan.tile.rows, self.plan.rows, "h0", "e0"

    def columns(self) -> Range:
        """The columns of a tile."""
        return self.plan.tile.columns, self.plan.columns, "h1", "e1"


def log(number: int) -> int:
    """Of a power of two."""
    assert number & (number - 1) == 0, "sizes of tiles are powers of two"
    return number.bit_length() - 1


def pair_row(w: PairWriter) -> int:
    """Words of a row of pairs."""
    return w.plan.tile.columns + PAD


def copied_words(w: PairWriter) -> int:
    """Words of s0."""
    tile = w.plan.tile
    return (tile.rows + tile.columns) * (tile.terms + PAD)


def first_words(w: PairWriter) -> None:
    """Where each operand has the tile's repetition: a0, a1, ... ; results also its first row."""
    plan, counters, index = w.plan, list[tuple[str, PairDim]](), "b0"
    for k, dim in reversed([*enumerate(plan.z)]):
        if dim.extent is None:
            w.line(f"i{k} = index({index}) + begin")
        elif k == 0:
            w.line(f"i{k} = {index}")
        else:
            w.line(f"b{k + 1} = ratio({index}, {w.number(dim.extent)})")
            w.line(f"i{k} = whole({index} - b{k + 1} * {w.number(dim.extent)})")
            index = f"b{k + 1}"
        counters.append((f"i{k}", dim))
    row, result = ("h0", plan.rows), f"x{plan.matrices}"
    for k in range(plan.matrices):
        w.line(f"a{k} = x{k}{w.moved(k, *counters)}")
    for k, own in enumerate(plan.sums, plan.matrices):
        first = f" + {w.number(own.first)}" if own.first else ""
        w.line(f"a{k} = {result}{w.moved(k, *counters, row)}{first}")
    if plan.statistics is not None:
        w.line(f"a{plan.of_rows} = {result}{w.moved(plan.of_rows, *counters, row)}")
    for k in range(len(plan.others)):
        at = plan.of_rows + 1 + k
        w.line(f"a{at} = x{plan.matrices + 1 + k}{w.moved(at, *counters, row)}")


def fetch(
    w: PairWriter, operand: int, rows: Range, across: Range, where: tuple[str, int], four: bool
) -> None:
    """Copies of some rows of a matrix, and of so many numbers of each, into s0, from a place on,
    rows so many words apart; 0 where it has none.
    """
    begin, words = where
    at_once = 4 if four else 1
    each = across[0] // at_once
    first = w.moved(operand, (rows[2], rows[1]), (across[2], across[1]))
    w.line(f"b9 = start(words, a{operand}{first})")
    w.line(f"for t2 in range(t0, {rows[0] * each}, {w.threads}):")
    w.depth += 1
    w.line(f"j0 = whole(t2 >> {log(each)})")
    w.line(f"j1 = whole((t2 & {each - 1}){f' * {at_once}' if four else ''})")
    near = w.moved(operand, ("j0", rows[1]), ("j1", across[1])).removeprefix(" + ") or "0"
    inside = f"{rows[2]} + j0 < {rows[3]} and {across[2]} + j1 < {across[3]}"
    copy = "copy4" if four else "copy"
    w.line(f"{copy}(s0, j0 * {words} + j1, {begin}, b9, near({near}), {inside})")
    w.depth -= 1
