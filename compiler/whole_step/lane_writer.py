"""A whole step as one kernel of short loops, one example in each vector lane.

It is for entries whose examples have too many numbers for each number to be a variable
(`compiler/whole_step/step_writer.py`).  Here nests are turned into nests on rows side by side
(`compiler/loops/vectorize_batch.py`), a number of an example becomes a lane of a vector on the
stack (`compiler/whole_step/vector_frame.py`), and loops over words stay loops: only a short
innermost one is unrolled (`compiler/loops/unroll.py`).  A weight is read once for all the examples
of a vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Accumulator,
    Apply,
    Leaf,
    LoopCounter,
    LoopNest,
    MemAccess,
    Scalar,
    Statement,
    Store,
    Write,
)
from gradc_compiler.loops.loop_passes import LANES as SIDE_BY_SIDE
from gradc_compiler.loops.scalar_form import leaves, whole_number
from gradc_compiler.loops.unroll import combined, extents_of
from gradc_compiler.loops.vectorize_batch import LANES
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.whole_step.step_code import LoopHead
from gradc_compiler.whole_step.step_words import NotApplicable
from gradc_compiler.whole_step.vector_frame import Moves, VectorFrame

MOST_STATEMENTS = MACHINE.looped_statements  # for an example


@dataclass(frozen=True, slots=True)
class LaneLoops:
    """A nest's loops of more than one iteration: `outer` move the result, `inner` sum it up."""

    outer: tuple[int, ...]
    inner: tuple[int, ...]
    extents: Sequence[int]

    @property
    def order(self) -> tuple[int, ...]:
        """All these loops, outermost first."""
        return (*self.outer, *self.inner)

    def depth(self, access: MemAccess) -> int:
        """The number of these loops, counted to the innermost one that moves an access."""
        return max((k for k, j in enumerate(self.order, 1) if access.moves[j]), default=0)

    def moved(self, access: MemAccess, levels: Sequence[int]) -> list[int]:
        """The words from the first that an access reaches, iteration by iteration."""
        steps = product(*(range(self.extents[j]) for j in levels))
        moves = [access.moves[j] for j in levels]
        return [sum(n * move for n, move in zip(step, moves, strict=True)) for step in steps]


@dataclass(kw_only=True)
class LaneWriter(VectorFrame):
    """Writes the code of a step, nest by nest."""

    work: int = 0  # statements for an example

    def effort(self) -> int:
        """About how many statements an example takes, had LLVM to make the vectors: a third."""
        return self.work // 3 + len(self.lines)

    def nest(self, nest: LoopNest) -> None:
        """A nest: what is done for every example, as loops over rows.

        Raises `NotApplicable` where an example takes too many statements.
        """
        if not self.inside or any(loop.extent == Extent.WALK for loop in nest.loops):
            super().nest(nest)
            return
        self.measure(nest)
        self.work += prod(extents_of(nest)) * (1 + len(nest.statements))
        if self.work > MOST_STATEMENTS:
            raise NotApplicable("takes too long")
        if _counts_examples(nest):
            raise NotApplicable("counts examples")
        self.side_by_side(self.passed(nest, SIDE_BY_SIDE))

    def side_by_side(self, nest: LoopNest) -> None:
        """A nest of rows side by side."""
        loops, names = loops_of(nest), counters(nest)
        totals: dict[int, Accumulator] = {}
        for level in range(len(loops.order) + 1):
            if loops.inner and level == len(loops.outer):
                totals = self._starts(nest)
            self._loads(nest, loops, level, names)
            if level < len(loops.order):
                j = loops.order[level]
                self.line(LoopHead(LoopCounter(j + 1), (whole_number(loops.extents[j]),)))
                self.depth += 1
        self._innermost(nest, loops, names, totals)
        self.depth -= len(loops.inner)
        for k, total in totals.items():
            self._store_at(Write(*nest.stores[k]), loops, loops.outer, total)
        self.depth -= len(loops.outer)

    def _innermost(
        self,
        nest: LoopNest,
        loops: LaneLoops,
        names: dict[Leaf, Scalar],
        totals: Mapping[int, Accumulator],
    ) -> None:
        """The code within all loops: what is computed there, and the stores that are not made after
        a sum.
        """
        for item in nest.body or nest.statements:
            if isinstance(item, Statement):
                self.compute(item, names)
            elif isinstance(item, Write):
                self._store_at(item, loops, loops.order, names[item.value])
        for k, (variable, access, store) in enumerate(nest.stores):
            value = names[variable]
            if k in totals:
                self.assign(totals[k], combined(totals[k], value, store))
            else:
                self._store_at(Write(variable, access, store), loops, loops.order, value)

    def start(self, store: Store) -> Scalar:
        """The value with which a sum or a maximum begins; if it is of examples, in every lane."""
        start = super().start(store)
        return Apply("spread", (start, whole_number(LANES))) if self.inside else start

    def _loads(
        self, nest: LoopNest, loops: LaneLoops, level: int, names: dict[Leaf, Scalar]
    ) -> None:
        """Loads that move within so many loops."""
        for variable, access in nest.loads:
            if loops.depth(access) == level:
                cell, moves = self.cell(access), _moves(access, loops.order)
                self.need(cell, loops.moved(access, loops.order))
                read = self.read(cell, moves, whole=variable.kind is Kind.INDEX)
                names[variable] = self.let(variable.kind, read)

    def _store_at(
        self, item: Write, loops: LaneLoops, levels: Sequence[int], value: Scalar
    ) -> None:
        """A store within loops of some levels."""
        cell, moves = self.cell(item.access), _moves(item.access, levels)
        moved = loops.moved(item.access, levels)
        if item.store not in (Store.ADD, Store.SUM_ADD):
            self.write(cell, moves, value, moved)
        elif cell.varying:
            self.need(cell, moved)
            total = Apply("plus", (self.read(cell, moves, whole=False), value))
            self.write(cell, moves, self.let(Kind.REAL, total), moved)
        else:
            self.grow(cell, moves, moved, value)


def _moves(access: MemAccess, levels: Sequence[int]) -> Moves:
    """The counters of loops that move an access, and by how much."""
    return [(f"i{j + 1}", access.moves[j]) for j in levels if access.moves[j]]


def loops_of(nest: LoopNest) -> LaneLoops:
    """The loops of a nest that have more than one iteration."""
    extents = extents_of(nest)
    long = [j for j, extent in enumerate(extents) if extent > 1]
    outer = tuple(j for j in long if not nest.loops[j].reduces)
    return LaneLoops(outer, tuple(j for j in long if nest.loops[j].reduces), extents)


def counters(nest: LoopNest) -> dict[Leaf, Scalar]:
    """What stands for a nest's counters in its statements; i0 counts vectors of examples."""
    extents = enumerate(extents_of(nest))
    return {LoopCounter(j): LoopCounter(j + 1) if n > 1 else whole_number(0) for j, n in extents}


def _counts_examples(nest: LoopNest) -> bool:
    """Whether a statement has the number of the example."""
    every = {LoopCounter(j) for j, loop in enumerate(nest.loops) if loop.over_rows}
    return any(every.intersection(leaves(statement.value)) for statement in nest.statements)
