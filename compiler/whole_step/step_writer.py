"""A whole step as straight-line code for one example, in a loop over examples.

Every number of an example is a variable, every loop but the one over examples is unrolled
(`compiler/loops/unroll.py`), and nothing passes through memory from one operator to the next
(`compiler/whole_step/scalar_replacement.py`).  LLVM vectorises the one loop that is left, so that
examples lie side by side in vectors.  What is computed once a step, such as the update of a matrix,
stays a loop.

For examples of many numbers the text would be too long to compile: `NotApplicable` is raised then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf, prod

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.chain_lengths import chain_of
from gradc_compiler.loops.ir import (
    Accumulator,
    Address,
    Apply,
    Leaf,
    LoopCounter,
    LoopNest,
    MemAccess,
    PointerWord,
    Read,
    Scalar,
    ScalarConstant,
    Statement,
    Store,
    Variable,
    Write,
)
from gradc_compiler.loops.loop_passes import STRAIGHT, run_loop_passes
from gradc_compiler.loops.placement import is_narrow
from gradc_compiler.loops.scalar_form import renamed, whole_number
from gradc_compiler.loops.unroll import combined, extents_of
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Instruction, Operand, Space
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.whole_step.scalar_replacement import ScalarPromoter, stored
from gradc_compiler.whole_step.step_code import ZERO, LoopHead, word_at
from gradc_compiler.whole_step.step_words import NotApplicable, Word, Words

UNROLLED = MACHINE.unrolled  # a nest that runs once a step is unrolled up to so many iterations
COPIED = MACHINE.copied  # a copy up to so many: unrolled, it only gives other names
MOST_ROWS = MACHINE.searched_rows  # of a table that is searched row by row
BEGIN = {  # with which value a sum or a maximum over inner loops begins
    Store.SUM: ZERO,
    Store.SUM_ADD: ZERO,
    Store.MAX: ScalarConstant(-inf, Kind.REAL),
}
Point = Mapping[int, int]  # a loop's level, and how far it is
FIRST: Point = {}


@dataclass(kw_only=True)
class StepWriter(ScalarPromoter):
    """Writes the code of a step, nest by nest.  `locate` says where the storage of an access
    lies.
    """

    locate: Callable[[MemAccess], Operand]
    most_unrolled: int = COPIED  # iterations of copies and sums

    def nest(self, nest: LoopNest) -> None:
        """A nest, unrolled or as loops.

        Raises `NotApplicable` for one that goes through time, or a product over the whole batch.
        """
        if any(loop.extent == Extent.WALK for loop in nest.loops):
            raise NotApplicable("goes through time")
        if not self.inside and any(loop.over_rows for loop in nest.loops):
            raise NotApplicable("is a product over the whole batch")
        self.measure(nest)
        sums = any(loop.reduces for loop in nest.loops)
        most = self.most_unrolled if sums or _copies(nest) else UNROLLED
        most = most if self.switches.allow("unroll") else 1
        unrolled = self.inside or prod(extents_of(nest)) <= most
        (self.unrolled if unrolled else self.looped)(nest)

    def measure(self, nest: LoopNest) -> None:
        """Give up if a sum has too long a chain of additions.  To a sum over examples each example
        adds its own terms.
        """
        _, access, store = nest.stores[-1]
        self.allow(chain_of(nest, rows=1), store is Store.SET or self.cell(access).varying)

    def effort(self) -> int:
        """About how many statements an example takes."""
        return len(self.lines)

    def unrolled(self, nest: LoopNest) -> None:
        """Write every iteration of a nest, one after another; a sum over inner loops is made in a
        variable.
        """
        self.expect(prod(extents_of(nest)) * (1 + len(nest.statements)))
        names: dict[Leaf, Scalar] = {}
        for item in self.passed(nest, STRAIGHT).in_order():
            match item:
                case Read(target, access):
                    names[target] = self.get(self.cell(access), whole=target.kind is Kind.INDEX)
                case Statement():
                    self.compute(item, names)
                case Write(value, access, store) if store in (Store.ADD, Store.SUM_ADD):
                    self.add(self.cell(access), names[value])
                case Write(value, access, _):
                    self.set(self.cell(access), names[value])

    def passed(self, nest: LoopNest, passes: Sequence[str]) -> LoopNest:
        """A nest after loop passes."""
        return run_loop_passes(nest, passes, self.switches)

    def compute(self, statement: Statement, names: dict[Leaf, Scalar]) -> None:
        """Write a statement of a nest; `names` has what its variables stand for.  A copy only gives
        a value another name.
        """
        target, value = statement.target, statement.value
        if isinstance(value, Variable):
            names[target] = names[value]
        else:
            names[target] = self.let(target.kind, renamed(value, names))

    def cell(self, access: MemAccess, at: Point = FIRST) -> Word:
        """The word that an access reaches, in the first iteration or at a given point of the
        loops.
        """
        moved = sum(access.moves[j] * n for j, n in at.items())
        return Word(self.locate(access), access.index, access.offset + moved)

    def looped(self, nest: LoopNest) -> None:
        """Write a nest that runs once a step, on many elements, as loops over memory."""
        for access in nest.accesses():
            self.settle(self._words(nest, access))
        order = sorted(range(len(nest.loops)), key=lambda j: nest.loops[j].reduces)
        outer = sum(not loop.reduces for loop in nest.loops)
        totals: dict[int, Accumulator] = {}
        for level, j in enumerate(order):
            if level == outer:
                totals = self._starts(nest)
            extent = nest.loops[j].extent
            masked = j == order[-1] and is_narrow(extent)
            self.line(LoopHead(LoopCounter(j), (whole_number(extent),), masked))
            self.depth += 1
        names = self._computed(nest)
        for k, total in totals.items():
            variable, _, store = nest.stores[k]
            self.assign(total, combined(total, names[variable], store))
        self.depth -= len(order) - outer if totals else 0
        for k, (variable, access, store) in enumerate(nest.stores):
            place, held = self._moving(access), totals.get(k, names[variable])
            new, adds = stored(access.index, held), store in (Store.ADD, Store.SUM_ADD)
            self.assign(place, Apply("plus", (place, new)) if adds else new)
        self.depth -= outer if totals else len(order)
        for _, access, _ in nest.stores:
            self.forget(self._words(nest, access))

    def _computed(self, nest: LoopNest) -> dict[Leaf, Scalar]:
        """The values that a nest loads and computes, by their names there."""
        names: dict[Leaf, Scalar] = {}
        for variable, access in nest.loads:
            names[variable] = self.let(variable.kind, self._read(variable, access))
        for statement in nest.statements:
            target, value = statement.target, renamed(statement.value, names)
            names[target] = self.let(target.kind, value)
        return names

    def _starts(self, nest: LoopNest) -> dict[int, Accumulator]:
        """Begin each sum over inner loops in a variable; gives the variables' names, by store."""
        names = {}
        for k, (_, _, store) in enumerate(nest.stores):
            if store in BEGIN:
                names[k] = Accumulator(self._fresh())
                self.assign(names[k], self.start(store))
        return names

    def start(self, store: Store) -> Scalar:
        """The value with which a sum or a maximum begins."""
        return BEGIN[store]

    def _words(self, nest: LoopNest, access: MemAccess) -> Words:
        """All that a nest reaches."""
        ends = [m * (n - 1) for m, n in zip(access.moves, extents_of(nest), strict=True)]
        (space, word), low = self.cell(access).word, sum(min(0, end) for end in ends)
        return Words(space, word + low, sum(map(abs, ends)))

    def _read(self, variable: Variable, access: MemAccess) -> Scalar:
        """A number of the session's real type; what a whole variable holds stays a whole number."""
        place = self._moving(access)
        if variable.kind is Kind.INDEX:
            return Apply("index", (place,))
        return Apply("real", (place,)) if access.index else place

    def _moving(self, access: MemAccess) -> PointerWord:
        """A place as loops move it: `x0[i0 * 10 + i1]`."""
        moves = [(f"i{j}", move) for j, move in enumerate(access.moves) if move]
        pointer = self.pointer(self.locate(access), access.index)
        return word_at(pointer, moves, access.offset)

    def take(self, instruction: Instruction) -> None:
        """y[s] = table[number[s]]: a choice among few rows, numbers out of range clamped."""
        if not self.inside:
            self._take_once(instruction)
        for at, rows, x, y in self._rows(instruction) if self.inside else ():
            n = self.get(at, whole=True)
            for r in range(instruction.geometry[2]):
                *others, value = (self.get(x.moved(r + k), whole=False) for k in rows)
                for k, other in reversed(list(enumerate(others))):
                    chosen = Apply("<=", (n, whole_number(k)))
                    value = self.let(Kind.REAL, Apply("select", (chosen, other, value)))
                self.set(y.moved(r), value)

    def _take_once(self, instruction: Instruction) -> None:
        """One row for all examples, from a table that stays in memory, such as the table of a
        schedule.
        """
        count, rows, width = instruction.geometry[:3]
        x, at, y = (Word(o, k == 1, o.inner) for k, o in enumerate(instruction.operands))
        if count != 1 or x.operand.space != Space.PERSISTENT:
            raise NotApplicable("chooses among many rows")
        n, zero = self.get(at, whole=True), whole_number(0)
        most = Apply("select", (Apply("<", (n, whole_number(rows))), n, whole_number(rows - 1)))
        n = self.let(Kind.INDEX, Apply("select", (Apply("<", (n, zero)), zero, most)))
        table = self.pointer(x.operand, index=False)
        for r in range(width):
            word = PointerWord(table, (str(n), width), Address((), x.inner + r))
            self.set(y.moved(r), self.let(Kind.REAL, word))

    def scatter(self, instruction: Instruction) -> None:
        """y[number[s]] += x[s], row by row."""
        width = instruction.geometry[2]
        for at, rows, y, x in self._rows(instruction, scatter=True):
            n = self.get(at, whole=True)
            for k, row in enumerate(rows):
                sign = "<=" if row == 0 else ">=" if k == len(rows) - 1 else "=="
                here = Apply(sign, (n, whole_number(k)))
                for r in range(width):
                    value = self.get(x.moved(r), whole=False)
                    if len(rows) > 1:
                        choice = Apply("select", (here, value, ScalarConstant(0.0, Kind.REAL)))
                        value = self.let(Kind.REAL, choice)
                    self.add(y.moved(row + r), value)

    def argmax(self, instruction: Instruction) -> None:
        """y[s] = the first k with the greatest x[s, k], or with NaN."""
        rows, width = instruction.geometry[:2]
        x, y = (Word(o, k == 1, o.inner) for k, o in enumerate(instruction.operands))
        self.expect(2 * rows * width)
        for s in range(rows):
            most, *others = (self.get(x.moved(s * width + k), whole=False) for k in range(width))
            best: Scalar = whole_number(0)
            for k, v in enumerate(others, 1):
                stays = Apply("|", (Apply("<=", (v, most)), Apply("!=", (most, most))))
                best = self.let(Kind.INDEX, Apply("select", (stays, best, whole_number(k))))
                most = self.let(Kind.REAL, Apply("maximum", (most, v)))
            self.set(y.moved(s), best if others else self.let(Kind.INDEX, best))

    def _rows(
        self, instruction: Instruction, scatter: bool = False
    ) -> Iterator[tuple[Word, list[int], Word, Word]]:
        """For every number of an index: its word, the words before each row that it may name, the
        table, and the other operand.
        """
        count, rows, width = instruction.geometry[:3]
        if rows > MOST_ROWS or not self.inside:
            raise NotApplicable("chooses among many rows")
        x, at, y = (Word(o, k == 1, o.inner) for k, o in enumerate(instruction.operands))
        table, other = (y, x) if scatter else (x, y)
        for s in range(count):
            yield at.moved(s), [k * width for k in range(rows)], table, other.moved(s * width)


def _copies(nest: LoopNest) -> bool:
    """Whether a nest computes nothing."""
    loaded = {variable for variable, _ in nest.loads}
    return all(statement.value in loaded for statement in nest.statements)
