"""Nests for the tests of passes, from as little as says what they are."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Apply,
    LoopNest,
    MemAccess,
    NestLoop,
    Statement,
    Store,
    Variable,
)

REAL = [Variable(Kind.REAL, k) for k in range(100)]
WHOLE = [Variable(Kind.INDEX, k) for k in range(100)]


def at(name: str, *moves: int, offset: int = 0, row: Variable | None = None) -> MemAccess:
    """A place that the loops move by so many words."""
    return MemAccess(storage=(name,), offset=offset, moves=moves, row=row)


def loops(*extents: int, summed: Sequence[int] = ()) -> tuple[NestLoop, ...]:
    """Loops of these extents; `summed` are the levels that the result does not move with."""
    return tuple(NestLoop(extent=n, reduces=j in summed) for j, n in enumerate(extents))


def product(
    headers: tuple[NestLoop, ...],
    places: tuple[MemAccess, MemAccess, MemAccess],
    store: Store = Store.SET,
) -> LoopNest:
    """y = a * b."""
    a, b, y = places
    return LoopNest(
        loops=headers,
        loads=((REAL[5], a), (REAL[3], b)),
        statements=(Statement(REAL[9], Apply("*", (REAL[5], REAL[3]))),),
        stores=((REAL[9], y, store),),
    )
