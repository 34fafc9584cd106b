"""A product whose results go straight on into an elementwise kernel: bias, activation, its slope.

The kernel reads each word of the result once, in the place where the product writes it.  So a tile
can do what that kernel does with its words while it has them, and the result need not come to
memory at all where nobody else reads it.  Loops of the two differ: a kernel goes through an image
in one loop, a product through its rows, columns and channels.  By how far an iteration of a
product's loop moves the result, in words, it is so many iterations of each of the kernel's loops;
and by that it moves everything else that the kernel reads or writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Leaf,
    LoopNest,
    MemAccess,
    NestLoop,
    Scalar,
    Statement,
    Store,
    Variable,
)
from gradc_compiler.loops.scalar_form import renamed
from gradc_compiler.printing.tile_plan import Dims, Epilogue, Residue, TileDim, TilePlan
from gradc_compiler.records.fast_dataclass import dataclass

MOST_OTHERS = 4  # places that are looked up besides the result's
FIRST_VARIABLE = 10  # a tile has names of its own below


def with_epilogue(plan: TilePlan, nest: LoopNest, *, stays: bool) -> TilePlan | None:
    """A product in tiles with an elementwise kernel after it; None where that cannot be."""
    if plan.epilogue is not None or plan.mean or not _is_plain(nest):
        return None
    same = [v for v, access in nest.loads if _is_result(plan, access)]
    others = [(v, access) for v, access in nest.loads if not _is_result(plan, access)]
    stores = [(v, access) for v, access, _ in nest.stores]
    places = [access for _, access in (*others, *stores)]
    if not same or len(places) > MOST_OTHERS:
        return None
    if any(access.storage == plan.y.storage for access in places):
        return None
    result = next(access for v, access in nest.loads if v == same[0])
    found = _Follower(nest, result, places).followed(plan)
    if found is None:
        return None
    return replace(found, epilogue=_epilogue(nest, same, others, stores, stays=stays))


def _epilogue(
    nest: LoopNest,
    same: Sequence[Variable],
    others: Sequence[tuple[Variable, MemAccess]],
    stores: Sequence[tuple[Variable, MemAccess]],
    *,
    stays: bool,
) -> Epilogue:
    """The nest's statements, their variables numbered from `FIRST_VARIABLE` on."""
    given = [v for v, _ in nest.loads] + [statement.target for statement in nest.statements]
    numbered = enumerate(dict.fromkeys(given), FIRST_VARIABLE)
    names = {v: Variable(v.kind, k) for k, v in numbered}
    leaves: dict[Leaf, Scalar] = dict(names.items())
    return Epilogue(
        sums=tuple(names[v] for v in same),
        loads=tuple(names[v] for v, _ in others),
        statements=tuple(
            Statement(names[s.target], renamed(s.value, leaves)) for s in nest.statements
        ),
        stores=tuple(names[v] for v, _ in stores),
        others=tuple(access for _, access in (*others, *stores)),
        stays=stays,
    )


def _is_plain(nest: LoopNest) -> bool:
    """Whether a nest reads and writes real numbers in places that its loops alone decide."""
    plain = nest.affine and nest.walk is None and not nest.positional and not nest.body
    whole = any(access.row is not None or access.index for access in nest.accesses())
    kinds = {s.target.kind for s in nest.statements} | {v.kind for v, _ in nest.loads}
    set_once = all(store is Store.SET for _, _, store in nest.stores)
    return plain and not whole and set_once and kinds <= {Kind.REAL} and bool(nest.statements)


def _is_result(plan: TilePlan, access: MemAccess) -> bool:
    return (access.storage, access.offset) == (plan.y.storage, plan.y.offset)


@dataclass(frozen=True, slots=True)
class _Follower:
    """An elementwise nest, where it reads the result of a product, and its other places."""

    nest: LoopNest
    result: MemAccess
    places: Sequence[MemAccess]

    def followed(self, plan: TilePlan) -> TilePlan | None:
        """The product, whose loops move the nest's places too; None where the two do not go
        through the same words, or not once.
        """
        parts = plan.residues or (Residue(plan.m, plan.k, 0, 0),)
        words = 0
        for part in parts:
            dims = [
                dim for dim in (*plan.z, *part.m, *plan.n) if dim.each > 1 or dim.extent is None
            ]
            steps = [self.steps(dim.y) for dim in dims]
            first = self.steps(part.y)
            if first is None or not self.within(dims, steps, first):
                return None
            words += prod(dim.each for dim in dims)
        if words != prod(loop.in_a_row for loop in self.nest.loops):
            return None
        own = tuple(
            replace(part, m=self.all_moved(part.m), others=self.moved(part.y)) for part in parts
        )
        return replace(
            plan, z=self.all_moved(plan.z), m=own[0].m, n=self.all_moved(plan.n),
            residues=own if plan.residues else (),
        )  # fmt: skip

    def steps(self, words: int) -> list[int] | None:
        """How many iterations of each loop move the result by so many words."""
        found = [0] * len(self.nest.loops)
        order = sorted(range(len(found)), key=lambda j: -self.result.moves[j])
        for j in order:
            move = self.result.moves[j]
            if move <= 0 and self.nest.loops[j].in_a_row > 1:
                return None
            if move > 0:
                found[j], words = divmod(words, move)
        return found if words == 0 else None

    def within(
        self, dims: Sequence[TileDim], steps: Sequence[list[int] | None], first: Sequence[int]
    ) -> bool:
        """Whether the product's loops stay within each loop of the nest, example by example."""
        for j, loop in enumerate(self.nest.loops):
            reach = first[j]
            for dim, step in zip(dims, steps, strict=True):
                if step is None:
                    return False
                if dim.extent is None and step[j] and not self.is_row(loop, dim, step[j]):
                    return False
                reach += step[j] * (dim.each - 1)
            if reach >= loop.in_a_row:
                return False
            rows = any(
                dim.extent is None and s and s[j] for dim, s in zip(dims, steps, strict=True)
            )
            if loop.over_rows != rows:
                return False
        return True

    @staticmethod
    def is_row(loop: NestLoop, dim: TileDim, step: int) -> bool:
        """Whether an example of the product is an example of the nest."""
        return loop.over_rows and step * dim.scale == loop.scale

    def moved(self, words: int) -> tuple[int, ...]:
        """By how many words the places move where the result moves by so many."""
        steps = self.steps(words) or [0] * len(self.nest.loops)
        pairs = ([*zip(steps, place.moves, strict=True)] for place in self.places)
        return tuple(sum(step * move for step, move in own) for own in pairs)

    def all_moved(self, dims: Dims) -> Dims:
        """Loops of the product that move the nest's places too."""
        return tuple(replace(dim, others=self.moved(dim.y)) for dim in dims)
