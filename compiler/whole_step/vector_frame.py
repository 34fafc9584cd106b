"""The vector frame: the stack of a whole-step kernel, where each word is a vector over examples.

A *row* of the frame holds one word of LANES examples side by side: `s0[12]` is word 12 of each, and
the mask `m0` says which lanes have an example.  A sum over examples is added up lane by lane in a
row of half that length (`r0[7]`); when a vector of examples is done, 16 such rows at a time are
summed over their lanes.  What is the same for all examples stays a number in memory.
`runtime/cpu/codegen/simd.py` says what the functions in the text do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Address, Apply, KernelArgument, PointerWord, Scalar
from gradc_compiler.loops.scalar_form import whole_number
from gradc_compiler.loops.vectorize_batch import LANES
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Operand, PartialReduction, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.whole_step.scalar_replacement import stored
from gradc_compiler.whole_step.step_code import (
    COUNT,
    EXAMPLE,
    EXAMPLE_OF_ALL,
    MASK,
    ZERO,
    AssignLine,
    CodeLine,
    Effect,
    LoopHead,
    StepCode,
    counted,
    deeper,
    word_at,
)
from gradc_compiler.whole_step.step_words import NotApplicable, Word, Words
from gradc_compiler.whole_step.step_writer import UNROLLED, StepWriter

TOGETHER = MACHINE.sums_at_once  # of sums
MOST_ROWS, MOST_SUMS = MACHINE.frame_rows, MACHINE.frame_sums  # what a cache holds
Moves = Sequence[tuple[str, int]]  # counters of loops, and the words that each moves


@dataclass(kw_only=True)
class VectorFrame(StepWriter):
    """Writes the code of a kernel whose words are rows of vectors.  `runs` are the regions of all
    sums.
    """

    runs: Sequence[PartialReduction]
    block: int  # rows of BLOCK; after them come the rows of arrays, other ones in each phase
    used: int = 0  # rows that this phase has taken
    rows: int = 0
    sums: int = 0
    arrays: dict[int, int] = field(default_factory=dict)  # in this phase: where each begins
    loads: list[CodeLine] = field(default_factory=list)  # in this phase, of rows of arrays
    written: set[int] = field(default_factory=set)  # in this phase: rows that have values
    bordered: bool = False  # whether rows of a halo are read, which nothing has written
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
        lanes, left = whole_number(LANES), Apply("-", (COUNT, EXAMPLE))
        self.lines = [
            *self.before,
            *(line for start, words, _ in runs for line in _zeros(start, words)),
            CodeLine(2, LoopHead(EXAMPLE, (whole_number(0), COUNT, lanes))),
            CodeLine(3, EXAMPLE_OF_ALL),
            CodeLine(3, AssignLine(MASK, Apply("below", (left, lanes)))),
            *deeper(self.loads, 3),
            *self.lines,
            *(line for run in runs for line in _totals(*run)),
            *(line for start, words, _ in runs for line in _means(start, words)),
        ]
        self.inside, self.depth, self.rows = False, 2, max(self.rows, self.used)
        self.known = {word: name for word, name in self.known.items() if word[0] < Space.UNIFORM}

    def _start(self, run: PartialReduction) -> str:
        """A pointer to a region of sums, from which the storages of all sums in it can be
        reached.
        """
        name = f"y{len(self.head)}"
        first = self.pointer(Operand(Space.UNIFORM, run.uniform), False)
        after = Apply("after", (KernelArgument(first), whole_number(0)))
        self.head.append(CodeLine(1, AssignLine(KernelArgument(name), after)))
        return name

    def code(self) -> StepCode:
        """The kernel, with room for the rows.

        Raises `NotApplicable` where the frame is larger than a cache.
        """
        if self.rows > MOST_ROWS or self.sums > MOST_SUMS:
            raise NotApplicable("has too many numbers")
        self.head += _room("s0", self.rows, LANES, zeros=self.bordered)
        self.head += _room("r0", self.sums, LANES // 2, zeros=True)
        return super().code()

    def get(self, cell: Word, whole: bool) -> Scalar:
        """The variable that holds a word, as a real or as a whole number; within a loop it is read
        anew.
        """
        if not self.inside:
            return super().get(cell, whole)
        self.need(cell, ())
        return self.let(Kind.INDEX if whole else Kind.REAL, self.read(cell, (), whole))

    def set(self, cell: Word, value: Scalar) -> None:
        """Give a word a new value."""
        if self.inside:
            self.write(cell, (), value)
        else:
            super().set(cell, value)

    def add(self, cell: Word, value: Scalar) -> None:
        """Add a value to a word.  A word that is the same for all examples gets the value of
        each.
        """
        if not self.inside:
            super().add(cell, value)
        elif cell.varying:
            total = Apply("plus", (self.get(cell, whole=False), value))
            self.write(cell, (), self.let(Kind.REAL, total))
        else:
            self.grow(cell, (), (0,), value)

    def result(self, first: Word, words: int, target: Operand) -> None:
        """Copy words of UNIFORM to an array that has a row for each step; many words in a loop."""
        if words <= UNROLLED:
            super().result(first, words, target)
            return
        self.settle(Words(*first.word, words - 1))
        array, source = (self.pointer(o, first.index) for o in (target, first.operand))
        to = PointerWord(array, ("t0", words), Address((("i0", 1),), 0))
        copy = AssignLine(to, word_at(source, (("i0", 1),), first.inner))
        for line in counted("i0", words, copy, depth=self.depth):
            self.expect(1)
            self.lines.append(line)

    def need(self, cell: Word, moved: Collection[int]) -> None:
        """Prepare to read so many words from one on; what lies in a halo is 0."""
        if cell.varying and not self._apart(cell):
            first = self.row(cell, load=True)
            self.bordered |= not self.written.issuperset(first + k for k in moved or (0,))

    def read(self, cell: Word, moves: Moves, whole: bool) -> Scalar:
        """A word at a place that loops move."""
        value: Scalar
        if self._apart(cell):
            value = Apply("gather", self._across(cell, moves))
        elif cell.varying:
            value = word_at("s0", moves, self.row(cell, load=True))
        else:
            value = word_at(self.pointer(cell.operand, cell.index), moves, cell.inner)
        if whole:
            return Apply("index", (value,))
        return Apply("real", (value,)) if cell.index else value

    def write(self, cell: Word, moves: Moves, value: Scalar, moved: Collection[int] = ()) -> None:
        """Give a word of each example a new value, in its row and in its array.

        Raises `NotApplicable` for a word that is the same for all examples.
        """
        if not cell.varying:
            raise NotApplicable("sets a number of all examples for each")
        if not self._apart(cell):
            first = self.row(cell, load=False)
            self.written.update(first + k for k in moved or (0,))
            own = Apply("real", (value,)) if cell.index else value
            self.assign(word_at("s0", moves, first), own)
        if cell.operand.space >= Space.ARRAY:
            where = self._across(cell, moves)
            self.line(Effect(Apply("scatter", (*where, stored(cell.index, value)))))

    def grow(self, cell: Word, moves: Moves, moved: Sequence[int], value: Scalar) -> None:
        """Add a term to the sum of a word over all examples; the first term begins the sum.

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
        total, folded = word_at("r0", moves, first), Apply("folded", (value, MASK))
        self.assign(total, Apply("plus", (total, folded)) if again else folded)

    def row(self, cell: Word, load: bool) -> int:
        """The row of a word.  Rows of an array that is read before it is written are filled at the
        start.
        """
        operand, space = cell.operand, cell.operand.space
        if space == Space.BLOCK:
            return operand.offset + cell.inner
        if space not in self.arrays:
            first = self.arrays[space] = self.used
            self.used += operand.stride
            if load:
                self.written.update(range(first, self.used))
                across = self._across(Word(operand, cell.index, 0), (("i1", 1),))
                fill = AssignLine(word_at("s0", (("i1", 1),), first), Apply("gather", across))
                self.loads += counted("i1", operand.stride, fill)
        return self.arrays[space] + cell.inner

    def _apart(self, cell: Word) -> bool:
        """Whether a word has no row: a whole number in an array."""
        return cell.index and cell.operand.space >= Space.ARRAY

    def _across(self, cell: Word, moves: Moves) -> tuple[Scalar, ...]:
        """The arguments with which a function reaches a word of an array in all lanes."""
        operand = cell.operand
        example = "i0" if operand.space in self.carried else "n0"
        at = Address(((example, operand.stride), *moves), cell.inner)
        pointer = KernelArgument(self.pointer(operand, cell.index))
        return pointer, at, whole_number(operand.stride), MASK


def whole(words: int) -> int:
    """The number of sums, rounded up to whole groups."""
    return -(-words // TOGETHER) * TOGETHER


def _room(name: str, rows: int, lanes: int, zeros: bool) -> list[CodeLine]:
    """Rows on the stack."""
    if rows == 0:
        return []
    room = Apply("rows", (whole_number(rows), whole_number(lanes)))
    clear = AssignLine(word_at(name, (("i0", 1),)), ZERO)
    first = CodeLine(1, AssignLine(KernelArgument(name), room))
    return [first, *(counted("i0", rows, clear, depth=1) if zeros else [])]


def _zeros(start: str, words: int) -> list[CodeLine]:
    """Lines that set sums over lanes to 0."""
    return counted("i0", whole(words), AssignLine(word_at(start, (("i0", 1),)), ZERO), depth=2)


def _totals(start: str, words: int, first: int) -> list[CodeLine]:
    """Lines that add up the lanes of each sum, after a vector of examples."""
    moves = (("i1", TOGETHER),)
    pointers = KernelArgument(start), KernelArgument("r0")
    to, sums = Address(moves, 0), Address(moves, first)
    call = Apply("totals", (pointers[0], to, pointers[1], sums))
    return counted("i1", whole(words) // TOGETHER, Effect(call), depth=3)


def _means(start: str, words: int) -> list[CodeLine]:
    """Lines that divide sums by the number of examples."""
    word = word_at(start, (("i0", 1),))
    mean = Apply("/", (word, Apply("real", (COUNT,))))
    return counted("i0", whole(words), AssignLine(word, mean), depth=2)
