"""Loop interchange: the same nest with its loops in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest, MemAccess


def interchange(nest: LoopNest, order: Sequence[int]) -> LoopNest:
    """The same nest with its loops in another order."""

    def moved(access: MemAccess) -> MemAccess:
        return replace(access, moves=tuple(access.moves[j] for j in order))

    return replace(
        nest,
        loops=tuple(nest.loops[j] for j in order),
        loads=tuple((v, moved(a)) for v, a in nest.loads),
        stores=tuple((v, moved(a), s) for v, a, s in nest.stores),
    )
