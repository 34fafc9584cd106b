"""Loop collapse: two neighbouring loops become one, if together they move every place as one longer
loop would.

So a whole batch of a contiguous tensor is one loop.  Loops of one iteration are dropped.  A nest
whose statements use loop counters (a draw of random numbers does) is left alone.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.interchange import interchange
from gradc_compiler.loops.ir import LoopNest, MemAccess


def collapse_loops(nest: LoopNest) -> LoopNest:
    """Drop loops of one iteration and merge neighbours, innermost first."""
    if nest.positional:
        return nest
    kept = [j for j, loop in enumerate(nest.loops) if loop.extent != 1]
    nest = interchange(nest, kept) if len(kept) < len(nest.loops) else nest
    j = len(nest.loops) - 2
    while j >= 0:
        if _mergeable(nest, j):
            nest = _merged(nest, j)
        j -= 1
    return nest


def _mergeable(nest: LoopNest, j: int) -> bool:
    outer, inner = nest.loops[j], nest.loops[j + 1]
    if inner.over_rows or outer.reduces != inner.reduces:
        return False
    if outer.over_rows and any(a.row is not None for a in nest.accesses()):
        return False
    return all(a.moves[j] == inner.extent * a.moves[j + 1] for a in nest.accesses())


def _merged(nest: LoopNest, j: int) -> LoopNest:
    outer, inner = nest.loops[j], nest.loops[j + 1]
    if outer.over_rows:
        loop = replace(outer, scale=outer.scale * inner.extent)
    else:
        loop = replace(outer, extent=outer.extent * inner.extent)

    def shorter(access: MemAccess) -> MemAccess:
        return replace(access, moves=access.moves[:j] + access.moves[j + 1 :])

    return replace(
        nest,
        loops=(*nest.loops[:j], loop, *nest.loops[j + 2 :]),
        loads=tuple((v, shorter(a)) for v, a in nest.loads),
        stores=tuple((v, shorter(a), s) for v, a, s in nest.stores),
    )
