"""Batch vectorisation: a whole step as one kernel of short loops, one example in each vector lane.

It is for entries whose examples have too many numbers for each to be a variable
(`compiler/whole_step/unroll.py`).  Numbers are then rows of vectors
(`compiler/whole_step/vector_frame.py`), and loops over words stay loops; only the innermost loop of
a product is unrolled, so that its factors stay in registers.  A weight is read once for all the
examples of a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    RANGE,
    WALK,
    Accumulator,
    Leaf,
    LoopCounter,
    LoopNest,
    MemAccess,
    Scalar,
    Store,
)
from gradc_compiler.loops.scalar_form import leaves, whole_number
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.cpu_printer import START
from gradc_compiler.printing.scalar_text import scalar_text
from gradc_compiler.whole_step.scalar_replacement import NotApplicable, Word
from gradc_compiler.whole_step.unroll import combined, extents_of
from gradc_compiler.whole_step.vector_frame import LANES, Moves, VectorFrame

WRITTEN_OUT = MACHINE.inner_iterations  # iterations of an innermost loop
MOST_STATEMENTS = MACHINE.looped_statements  # for an example


@dataclass(frozen=True, slots=True)
class LaneLoops:
    """A nest's loops but that over examples: `outer` move the result, `inner` are summed over.

    The last of all may be `out`: written out.
    """

    outer: tuple[int, ...]
    inner: tuple[int, ...]
    out: int | None
    extents: Sequence[int]

    @property
    def order(self) -> tuple[int, ...]:
        """Those that stay loops, outermost first."""
        return tuple(j for j in (*self.outer, *self.inner) if j != self.out)

    @property
    def around(self) -> LaneLoops:
        """Only those that move the result."""
        return replace(self, inner=(), out=None if self.out in self.inner else self.out)

    @property
    def copies(self) -> range:
        """The iterations that are written out."""
        return range(1 if self.out is None else self.extents[self.out])

    def depth(self, access: MemAccess) -> int:
        """Within how many of the loops an access moves."""
        return max((k for k, j in enumerate(self.order, 1) if access.moves[j]), default=0)

    def moved(self, access: MemAccess, levels: Sequence[int]) -> list[int]:
        """The words from the first that an access reaches, iteration by iteration."""
        steps = product(*(range(self.extents[j]) for j in levels))
        moves = [access.moves[j] for j in levels]
        return [sum(n * move for n, move in zip(step, moves, strict=True)) for step in steps]


@dataclass(kw_only=True)
class BatchVectorizer(VectorFrame):
    """The text in the making."""

    work: int = 0  # statements for an example

    def effort(self) -> int:
        """About how many statements an example takes, had LLVM to make the vectors: a third."""
        return self.work // 3 + len(self.lines)

    def nest(self, nest: LoopNest) -> None:
        """A nest: what is done for every example, as loops over rows.

        Raises `NotApplicable` where an example takes too many statements.
        """
        if not self.inside or any(loop.extent == WALK for loop in nest.loops):
            super().nest(nest)
            return
        self.measure(nest)
        loops = loops_of(nest)
        self.work += prod(loops.extents) * (1 + len(nest.statements))
        if self.work > MOST_STATEMENTS:
            raise NotApplicable("takes too long")
        values = [_counters(nest, loops, k) for k in loops.copies]
        around = sum(j in loops.outer for j in loops.order)
        totals: dict[int, Accumulator] = {}
        for level in range(len(loops.order) + 1):
            if level == around < len(loops.order):
                totals = self._starts(nest)
            self._loads(nest, loops, level, values)
            if level < len(loops.order):
                j = loops.order[level]
                self.line(f"for i{j + 1} in range({loops.extents[j]}):")
                self.depth += 1
        found = self._body(nest, loops, values)
        for k, total in totals.items():
            self.assign(total, combined(total, found[k], nest.stores[k][2]))
        self.depth -= len(loops.order) - around
        for k, value in (found | totals).items():
            self._store_at(nest, loops.around, k, 0, value)
        self.depth -= around

    def start(self, store: Store) -> str:
        """What a sum or a maximum begins with; of examples, in every lane."""
        start = super().start(store)
        return f"spread({start}, {LANES})" if self.inside else start

    def _loads(
        self, nest: LoopNest, loops: LaneLoops, level: int, values: list[dict[Leaf, Scalar]]
    ) -> None:
        """Loads that move within so many loops: one for each iteration that is written out."""
        for variable, access in nest.loads:
            if loops.depth(access) != level:
                continue
            for k, own in enumerate(values):
                if k and (loops.out is None or not access.moves[loops.out]):
                    own[variable] = values[0][variable]
                    continue
                cell, moves = self._where(access, loops, k)
                self.need(cell, loops.moved(access, loops.order))
                text = self.read(cell, moves, whole=variable.kind is Kind.INDEX)
                own[variable] = self.let(variable.kind, text)

    def _body(
        self, nest: LoopNest, loops: LaneLoops, values: list[dict[Leaf, Scalar]]
    ) -> dict[int, Scalar]:
        """The statements of the innermost loop; gives what is yet to be stored, by store."""
        found: dict[int, Scalar] = {}
        for k, own in enumerate(values):
            for statement in nest.statements:
                self.compute(statement, own)
            for s, (variable, _, store) in enumerate(nest.stores):
                if store in START and loops.inner:
                    found[s] = self.gathered(found.get(s), own[variable], store)
                else:
                    self._store_at(nest, loops, s, k, own[variable])
        return found

    def _store_at(
        self, nest: LoopNest, loops: LaneLoops, number: int, copy: int, value: Scalar
    ) -> None:
        """One of a nest's stores."""
        _, access, store = nest.stores[number]
        cell, moves = self._where(access, loops, copy)
        adds = store in (Store.ADD, Store.SUM_ADD)
        moved = loops.moved(access, loops.order)
        if not adds:
            self.write(cell, moves, value, moved)
        elif cell.varying:
            self.need(cell, moved)
            text = f"plus({self.read(cell, moves, whole=False)}, {scalar_text(value)})"
            self.write(cell, moves, self.let(Kind.REAL, text), moved)
        else:
            self.grow(cell, moves, moved, value)

    def _where(self, access: MemAccess, loops: LaneLoops, copy: int) -> tuple[Word, Moves]:
        """The word of a written-out iteration, and what loops move it."""
        at = {} if loops.out is None else {loops.out: copy}
        moves = [(f"i{j + 1}", access.moves[j]) for j in loops.order if access.moves[j]]
        return self.cell(access, at), moves


def loops_of(nest: LoopNest) -> LaneLoops:
    """Which loops there are beside that over the examples, and which is written out."""
    extents = extents_of(nest)
    long = [j for j, extent in enumerate(extents) if extent > 1]
    outer = tuple(j for j in long if not nest.loops[j].reduces)
    inner = tuple(j for j in long if nest.loops[j].reduces)
    last = (*outer, *inner)[-1] if len(long) > 1 else None
    out = last if last is not None and extents[last] <= WRITTEN_OUT else None
    return LaneLoops(outer, inner, out, extents)


def _counters(nest: LoopNest, loops: LaneLoops, copy: int) -> dict[Leaf, Scalar]:
    """What stands for the counters in the statements of a written-out iteration."""
    names: dict[Leaf, Scalar] = {
        LoopCounter(j): LoopCounter(j + 1) if j in loops.order else whole_number(0)
        for j in range(len(nest.loops))
    }
    if loops.out is not None:
        names[LoopCounter(loops.out)] = whole_number(copy)
    every = {LoopCounter(j) for j, loop in enumerate(nest.loops) if loop.extent == RANGE}
    if any(every.intersection(leaves(statement.value)) for statement in nest.statements):
        raise NotApplicable("counts examples")
    return names
