"""Scalar replacement (register promotion): words of memory become variables of a kernel.

The pass marks each task that may leave its results in variables (`replace_by_scalars`);
`ScalarPromoter` does so while code is written.  The only loop of the kernel is the one over
examples, so every address is known: a word that has been read or written is remembered together
with the variable that holds it.  A word of BLOCK belongs to one example and is never written to
memory.  A word of UNIFORM is written to memory if a loop or a later step reads it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field, replace

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.chain_lengths import Chain
from gradc_compiler.loops.ir import (
    Accumulator,
    Address,
    Apply,
    Leaf,
    PointerWord,
    Scalar,
    ScalarConstant,
    Variable,
)
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import MOST_OPERANDS, Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.whole_step.example_loop import (
    ONCE,
    ExampleLoop,
    depth_of,
    of_blocks,
    over_examples,
)
from gradc_compiler.whole_step.step import StepNests
from gradc_compiler.whole_step.step_code import (
    COUNT,
    AssignLine,
    CodeItem,
    CodeLine,
    StepCode,
)
from gradc_compiler.whole_step.step_words import NotApplicable, Word, Words

MOST_STATEMENTS = MACHINE.step_statements  # of the whole text


def replace_by_scalars(step: StepNests) -> StepNests:
    """The same step, with each task marked that may leave its results in variables."""
    return replace(step, tasks=tuple(replace(task, scalars=True) for task in step.tasks))


@dataclass(kw_only=True)
class ScalarPromoter:
    """The statements so far, and the variables that hold words."""

    switches: Switches
    carried: frozenset[int] = frozenset()  # spaces of arrays that every step uses again
    lines: list[CodeLine] = field(default_factory=list)
    head: list[CodeLine] = field(default_factory=list)  # before the loop over the steps
    before: list[CodeLine] = field(default_factory=list)  # before the loop over the examples
    depth: int = ONCE
    inside: bool = False  # the loop over the examples
    numbers: int = 0
    pointers: dict[tuple[int, int, bool], str] = field(default_factory=dict)
    known: dict[tuple[int, int], Scalar] = field(default_factory=dict)
    pending: dict[tuple[int, int], Word] = field(default_factory=dict)  # not yet in memory
    totals: dict[tuple[int, int], tuple[Accumulator, Word]] = field(default_factory=dict)
    added: Counter[Accumulator] = field(default_factory=Counter)  # by each example
    started: set[Accumulator] = field(default_factory=set)  # sums that have a first value
    longest: int = 0  # additions of an example's own terms, before they are added to a total
    form: ExampleLoop = ExampleLoop.IN_A_ROW

    def expect(self, statements: int) -> None:
        """Give up if so many more statements are too many.

        Raises `NotApplicable`.
        """
        if len(self.lines) + statements > MOST_STATEMENTS:
            raise NotApplicable("has too many numbers")

    def allow(self, chain: Chain, own: bool) -> None:
        """Give up if a sum would be too long a chain of additions.  A sum of an example's own terms
        is followed by the sum over examples.

        Raises `NotApplicable`.
        """
        total = self.inside and not own
        if chain.length > (LONG // 2 if total else LONG):
            raise NotApplicable("adds up many numbers in a row")
        if total:
            self.longest = max(self.longest, chain.inside - 1)

    def line(self, item: CodeItem) -> None:
        """Add a statement, or the head of a loop."""
        self.expect(1)
        self.lines.append(CodeLine(self.depth, item))

    def let(self, kind: Kind, value: Scalar) -> Variable:
        """A new variable with a value."""
        variable = Variable(kind, self._fresh())
        self.assign(variable, value)
        return variable

    def assign(self, target: Leaf, value: Scalar) -> None:
        """A statement that gives a value to a variable, to a sum so far, or to a word of memory."""
        self.line(AssignLine(target, value))

    def _fresh(self) -> int:
        self.numbers += 1
        return self.numbers

    def pointer(self, operand: Operand, index: bool) -> str:
        """The pointer to the beginning of a storage.

        Raises `NotApplicable` where the kernel would have more pointers than it may.
        """
        key = (operand.space, operand.offset, index)
        if len(self.pointers) == MOST_OPERANDS:
            raise NotApplicable("has too many storages")
        return self.pointers.setdefault(key, f"x{len(self.pointers)}")

    def place(self, cell: Word) -> PointerWord:
        """A word of memory: `x0[n0 * 10 + 3]`, where n0 counts the examples of all steps."""
        own, space = None, cell.operand.space
        if space >= Space.ARRAY:
            own = ("i0" if space in self.carried else "n0", cell.operand.stride)
        return PointerWord(self.pointer(cell.operand, cell.index), own, Address((), cell.inner))

    def get(self, cell: Word, whole: bool) -> Scalar:
        """The variable that holds a word, as a real or as a whole number."""
        value = self.known.get(cell.word) or self._load(cell)
        return value if whole or not is_whole(value) else Apply("real", (value,))

    def _load(self, cell: Word) -> Scalar:
        if cell.operand.space == Space.BLOCK:  # in a halo, where zeros are
            return ScalarConstant(0.0, Kind.REAL)
        place = self.place(cell)
        variable = Variable(Kind.INDEX if cell.index else Kind.REAL, self._fresh())
        read = Apply("index", (place,)) if cell.index else place
        if self.inside and not cell.varying:
            self.before.append(CodeLine(2, AssignLine(variable, read)))
        else:
            self.assign(variable, read)
        self.known[cell.word] = variable
        return variable

    def set(self, cell: Word, value: Scalar) -> None:
        """Give a word a new value."""
        if cell.index and not is_whole(value):
            value = self.let(Kind.INDEX, Apply("index", (value,)))
        self.known[cell.word] = value
        if cell.operand.space == Space.UNIFORM:
            self.pending[cell.word] = cell
        elif cell.operand.space != Space.BLOCK:
            self._store(cell)

    def _store(self, cell: Word) -> None:
        self.assign(self.place(cell), stored(cell.index, self.known[cell.word]))

    def settle(self, words: Words) -> None:
        """Write words to memory that a loop is about to read there."""
        for word in [w for w in self.pending if words.has(w)]:
            self._store(self.pending.pop(word))

    def settle_all(self) -> None:
        """Write all words to memory, but for those of single examples."""
        if not self.inside:
            for cell in self.pending.values():
                self._store(cell)
            self.pending, self.known = {}, {}

    def add(self, cell: Word, value: Scalar) -> None:
        """Add a value to a word.  A word that is the same for all examples gets the value of
        each.
        """
        if cell.varying or not self.inside:
            total = Apply("plus", (self.get(cell, whole=False), value))
            self.set(cell, self.let(Kind.REAL, total))
            return
        so_far, _ = self.totals.setdefault(cell.word, (Accumulator(self._fresh()), cell))
        self.added[so_far] += 1
        if self._begins(so_far):
            self.assign(so_far, value)
        else:
            self.assign(so_far, Apply("plus", (so_far, value)))

    def _begins(self, total: Accumulator) -> bool:
        """Whether a value is the first of a sum: then it is the sum so far, and nothing is added to
        0.
        """
        alone = self.form is ExampleLoop.OF_ONE and self.depth == depth_of(self.form)
        begins = alone and self.added[total] == 1
        if begins:
            self.started.add(total)
        return begins

    def result(self, first: Word, words: int, target: Operand) -> None:
        """Copy words of UNIFORM to an array that has a row for each step."""
        array = self.pointer(target, first.index)
        for k in range(words):
            value = self.get(first.moved(k), whole=first.index)
            place = PointerWord(array, ("t0", words), Address((), k))
            self.assign(place, stored(first.index, value))

    def forget(self, words: Words) -> None:
        """Forget the variables of words that a loop has written: their values are in memory
        only.
        """
        self.known = {word: name for word, name in self.known.items() if not words.has(word)}

    def enter(self) -> None:
        """Begin the loop over the examples."""
        self.before, self.lines = self.lines, []
        self.inside, self.depth = True, depth_of(self.form)

    def leave(self) -> None:
        """End the loop over the examples, and divide sums over them by their number.

        Of very many examples, blocks are summed up first, so that no chain of additions gets long.
        """
        sums = [total for total, _ in self.totals.values()]
        self.lines = [*self.before, *over_examples(self.form, self.lines, sums, self.started)]
        self.inside, self.depth = False, ONCE
        self.known = {w: name for w, name in self.known.items() if w[0] < Space.BLOCK}
        for total, cell in self.totals.values():
            self.set(cell, self._mean(total))
        self.totals, self.started = {}, set()

    def _mean(self, total: Accumulator) -> Variable | Accumulator:
        """A sum over examples divided by their number; a single example's value is its mean."""
        if self.form is ExampleLoop.OF_ONE:
            return total
        whole = of_blocks(total) if self.form is ExampleLoop.IN_BLOCKS else total
        return self.let(Kind.REAL, Apply("mean", (whole, COUNT)))

    def code(self) -> StepCode:
        """The kernel."""
        return StepCode(tuple(self.pointers.items()), tuple(self.head), tuple(self.lines))


def is_whole(value: Scalar) -> bool:
    """Whether a variable holds a whole number."""
    return isinstance(value, Variable) and value.kind is Kind.INDEX


def stored(index: bool, value: Scalar) -> Scalar:
    """A value in the form in which a place stores it: as a whole number or as a real."""
    return Apply("index", (value,)) if index else value
