"""The vector frame: the stack of a whole-step kernel, where each word is a vector over examples.

A *row* of the frame holds one word of LANES examples side by side: `s0[12]` is word 12 of each, and
the mask `m0` says which lanes have an example.  A sum over examples is added up lane by lane in a
row of half that length (`r0[7]`); when a vector of examples is done, 16 such rows at a time are
summed over their lanes.  What is the same for all examples stays a number in memory.
`runtime/cpu/codegen/simd.py` says what the functions in the text do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, Scalar
from gradc_compiler.loops.vectorize_batch import LANES
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.scalar_text import scalar_text
from gradc_compiler.program.entry import Operand, PartialReduction, Space
from gradc_compiler.whole_step.scalar_replacement import stored
from gradc_compiler.whole_step.step_words import NotApplicable, Word, Words
from gradc_compiler.whole_step.step_writer import UNROLLED, StepWriter

TOGETHER = MACHINE.sums_at_once  # of sums
MOST_ROWS, MOST_SUMS = MACHINE.frame_rows, MACHINE.frame_sums  # what a cache holds
Moves = Sequence[tuple[str, int]]  # counters of loops, and the words that each moves


@dataclass(kw_only=True)
class VectorFrame(StepWriter):
    """The text in the making.  `runs` are the regions of all sums."""

    runs: Sequence[PartialReduction]
    block: int  # rows of BLOCK; those of arrays come after them, in each phase others
    used: int = 0  # in this phase
    rows: int = 0
    sums: int = 0
    arrays: dict[int, int] = field(default_factory=dict)  # in this phase: where each begins
    loads: list[str] = field(default_factory=list)  # in this phase: what fills those of arrays
    written: set[int] = field(default_factory=set)  # in this phase: rows that have values
    bordered: bool = False  # rows are read that nothing has written
    summed: dict[PartialReduction, int] = field(
        default_factory=dict
    )  # in this phase: where each begins
    begun: set[int] = field(default_factory=set)  # in this phase: sums that have a value

    def enter(self) -> None:
        """Begin the loop over vectors of examples; what it reads lies in memory."""
        for cell in self.pending.values():
            self._store(cell)
        self.pending = {}
        super().enter()
        self.arrays, self.loads, self.written, self.used = {}, [], set(), self.block
        self.summed, self.begun = {}, set()

    def leave(self) -> None:
        """End it: sums over the lanes, in the end divided by the number of examples."""
        runs = [(self._start(run), run.words, first) for run, first in self.summed.items()]
        before = [line for start, words, _ in runs for line in _zeros(start, words)]
        after = [line for start, words, _ in runs for line in _means(start, words)]
        loop = [f"for i0 in range(0, g0, {LANES}):", "    n0 = t0 * g0 + i0"]
        loop += [f"    m0 = below(g0 - i0, {LANES})"]
        totals = [line for run in runs for line in _totals(*run)]
        self.lines = [
            *self.before,
            *(f"        {line}" for line in (*before, *loop)),
            *(f"            {line}" for line in self.loads),
            *self.lines,
            *(f"            {line}" for line in totals),
            *(f"        {line}" for line in after),
        ]
        self.inside, self.depth, self.rows = False, 2, max(self.rows, self.used)
        self.known = {word: name for word, name in self.known.items() if word[0] < Space.UNIFORM}

    def _start(self, run: PartialReduction) -> str:
        """A pointer to a region of sums, all of whose storages it may reach."""
        name = f"y{len(self.head)}"
        first = self.pointer(Operand(Space.UNIFORM, run.uniform), False)
        self.head.append(f"{name} = after({first}, 0)")
        return name

    def text(self) -> str:
        """The kernel, with room for the rows.

        Raises `NotApplicable` where the frame is larger than a cache.
        """
        if self.rows > MOST_ROWS or self.sums > MOST_SUMS:
            raise NotApplicable("has too many numbers")
        self.head += _room("s0", self.rows, LANES, zeros=self.bordered)
        self.head += _room("r0", self.sums, LANES // 2, zeros=True)
        return super().text()

    def get(self, cell: Word, whole: bool) -> Scalar:
        """What holds a word, as a real or as a whole number; in the loop it is read anew."""
        if not self.inside:
            return super().get(cell, whole)
        self.need(cell, ())
        return self.let(Kind.INDEX if whole else Kind.REAL, self.read(cell, (), whole))

    def set(self, cell: Word, value: Scalar) -> None:
        """A word has a new value."""
        if self.inside:
            self.write(cell, (), value)
        else:
            super().set(cell, value)

    def add(self, cell: Word, value: Scalar) -> None:
        """A word grows; what is the same for all examples grows by the value of each."""
        if not self.inside:
            super().add(cell, value)
        elif cell.varying:
            total = Apply("plus", (self.get(cell, whole=False), value))
            self.write(cell, (), self.let(Kind.REAL, total))
        else:
            self.grow(cell, (), (0,), value)

    def result(self, first: Word, words: int, target: Operand) -> None:
        """Words of UNIFORM as one step's row of an array; many of them in a loop."""
        if words <= UNROLLED:
            super().result(first, words, target)
            return
        self.settle(Words(*first.word, words - 1))
        array, source = (self.pointer(o, first.index) for o in (target, first.operand))
        self.line(f"for i0 in range({words}):")
        self.line(f"    {array}[t0 * {words} + i0] = {source}[{place(first.inner, (('i0', 1),))}]")

    def need(self, cell: Word, moved: Collection[int]) -> None:
        """Words that are about to be read, so many from one on: a border is 0."""
        if cell.varying and not self._apart(cell):
            first = self.row(cell, load=True)
            self.bordered |= not self.written.issuperset(first + k for k in moved or (0,))

    def read(self, cell: Word, moves: Moves, whole: bool) -> str:
        """The text of a word, wherever loops move it."""
        if self._apart(cell):
            text = f"gather({self._across(cell, moves)})"
        elif cell.varying:
            text = f"s0[{place(self.row(cell, load=True), moves)}]"
        else:
            text = f"{self.pointer(cell.operand, cell.index)}[{place(cell.inner, moves)}]"
        if whole:
            return f"index({text})"
        return f"real({text})" if cell.index else text

    def write(self, cell: Word, moves: Moves, value: Scalar, moved: Collection[int] = ()) -> None:
        """A word of each example has a new value, in its row and in its array.

        Raises `NotApplicable` for a word that is the same for all examples.
        """
        if not cell.varying:
            raise NotApplicable("sets a number of all examples for each")
        if not self._apart(cell):
            first = self.row(cell, load=False)
            self.written.update(first + k for k in moved or (0,))
            own = Apply("real", (value,)) if cell.index else value
            self.line(f"s0[{place(first, moves)}] = {scalar_text(own)}")
        if cell.operand.space >= Space.ARRAY:
            self.line(f"scatter({self._across(cell, moves)}, {stored(cell.index, value)})")

    def grow(self, cell: Word, moves: Moves, moved: Sequence[int], value: Scalar) -> None:
        """The sum of a word over all examples grows; its first term makes it.

        Raises `NotApplicable` where the sum has no buffer or is made in several ways.
        """
        word = cell.operand.offset + cell.inner
        run = next((r for r in self.runs if 0 <= word - r.uniform < r.words), None)
        if run is None or cell.operand.space != Space.UNIFORM:
            raise NotApplicable("sums up what no storage is for")
        if run not in self.summed:
            self.summed[run] = self.sums
            self.sums += whole(run.words)
        first = self.summed[run] + word - run.uniform
        reached = {first + k for k in moved}
        again = self.begun.issuperset(reached)
        if not again and (self.begun & reached or len(reached) < len(moved)):
            raise NotApplicable("makes a sum in several ways")
        self.begun |= reached
        total = f"r0[{place(first, moves)}]"
        folded = f"folded({scalar_text(value)}, m0)"
        self.line(f"{total} = {f'plus({total}, {folded})' if again else folded}")

    def row(self, cell: Word, load: bool) -> int:
        """The row of a word; those of an array that is read first are filled before all else."""
        operand, space = cell.operand, cell.operand.space
        if space == Space.BLOCK:
            return operand.offset + cell.inner
        if space not in self.arrays:
            first = self.arrays[space] = self.used
            self.used += operand.stride
            if load:
                self.written.update(range(first, self.used))
                across = self._across(Word(operand, cell.index, 0), (("i1", 1),))
                self.loads.append(f"for i1 in range({operand.stride}):")
                self.loads.append(f"    s0[{place(first, (('i1', 1),))}] = gather({across})")
        return self.arrays[space] + cell.inner

    def _apart(self, cell: Word) -> bool:
        """Whether a word has no row: whole numbers in arrays."""
        return cell.index and cell.operand.space >= Space.ARRAY

    def _across(self, cell: Word, moves: Moves) -> str:
        """The arguments that lead to a word of an array, in all lanes."""
        operand = cell.operand
        example = "i0" if operand.space in self.carried else "n0"
        at = place(cell.inner, ((example, operand.stride), *moves))
        return f"{self.pointer(operand, cell.index)}, {at}, {operand.stride}, m0"


def place(word: int, moves: Moves) -> str:
    """Where in a storage: `i1 * 10 + i2 + 5`."""
    terms = [name if move == 1 else f"{name} * {move}" for name, move in moves]
    return " + ".join([*terms, *([str(word)] if word or not terms else [])])


def whole(words: int) -> int:
    """So many sums, and what is missing to whole groups."""
    return -(-words // TOGETHER) * TOGETHER


def _room(name: str, rows: int, lanes: int, zeros: bool) -> list[str]:
    """Rows on the stack."""
    if rows == 0:
        return []
    clear = [f"for i0 in range({rows}):", f"    {name}[i0] = real(0.0)"] if zeros else []
    return [f"{name} = rows({rows}, {lanes})", *clear]


def _zeros(start: str, words: int) -> list[str]:
    """Sums over lanes begin at 0."""
    return [f"for i0 in range({whole(words)}):", f"    {start}[i0] = real(0.0)"]


def _totals(start: str, words: int, first: int) -> list[str]:
    """Sums over the lanes of a vector of examples."""
    rows = place(first, (("i1", TOGETHER),))
    return [
        f"for i1 in range({whole(words) // TOGETHER}):",
        f"    totals({start}, i1 * {TOGETHER}, r0, {rows})",
    ]


def _means(start: str, words: int) -> list[str]:
    """Sums divided by the number of examples."""
    return [
        f"for i0 in range({whole(words)}):",
        f"    {start}[i0] = {start}[i0] / real(g0)",
    ]
