"""One iteration of some loops as a nest of its own.  Unrolling a loop is making all of its
iterations, one after another.

The words by which the loop moved a place become part of the place's offset, and its counter becomes
a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.loops.ir import Leaf, LoopCounter, LoopNest, MemAccess, Scalar, Statement
from gradc_compiler.loops.scalar_form import replace_leaves, whole_number


def peel(nest: LoopNest, at: Mapping[int, int]) -> LoopNest:
    """The iteration in which the loop of each level in `at` has that counter.

    A loop over the rows of a range stays: the iteration is peeled of each row.
    """
    kept = [j for j, loop in enumerate(nest.loops) if j not in at or loop.over_rows]
    levels = {j: LoopCounter(k) for k, j in enumerate(kept)}

    def move(access: MemAccess, j: int) -> int:
        return access.moves[j] * (nest.loops[j].scale if j in at else 1)

    def moved(access: MemAccess) -> MemAccess:
        offset = access.offset + sum(access.moves[j] * n for j, n in at.items())
        return replace(access, offset=offset, moves=tuple(move(access, j) for j in kept))

    def known(leaf: Leaf) -> Scalar:
        if not isinstance(leaf, LoopCounter):
            return leaf
        return levels.get(leaf.level) or whole_number(at[leaf.level])

    return replace(
        nest,
        loops=tuple(replace(nest.loops[j], scale=1) if j in at else nest.loops[j] for j in kept),
        loads=tuple((v, moved(a)) for v, a in nest.loads),
        statements=tuple(
            Statement(s.target, replace_leaves(s.value, known)) for s in nest.statements
        ),
        stores=tuple((v, moved(a), s) for v, a, s in nest.stores),
    )
