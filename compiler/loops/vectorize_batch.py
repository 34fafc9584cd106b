"""Batch vectorisation: a nest on rows one after another becomes a nest on rows side by side.

One row lies in each lane of a vector, so every operation is on a whole vector, and no other loop
has to be fit for vectors.  The loop over rows disappears.  If it was one loop with others
(collapsed), those others stay.  `compiler/whole_step` makes text of such a nest.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest, MemAccess, NestLoop
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import Extent

LANES = MACHINE.panel  # rows of a vector


def vectorize_batch(nest: LoopNest) -> LoopNest:
    """The nest for LANES rows side by side."""
    if nest.lanes > 1:
        return nest
    extents = [loop.extent for loop in nest.loops]
    if Extent.RANGE not in extents:
        return replace(nest, lanes=LANES)
    level = extents.index(Extent.RANGE)
    words = nest.loops[level].scale

    def moved(access: MemAccess) -> MemAccess:
        moves = list(access.moves)
        moves[level] = moves[level] if words > 1 else 0  # else it is from one row to the next
        return replace(access, moves=tuple(moves))

    loops = list(nest.loops)
    loops[level] = NestLoop(extent=words, reduces=words > 1 and loops[level].reduces)
    return replace(
        nest,
        loops=tuple(loops),
        loads=tuple((v, moved(a)) for v, a in nest.loads),
        stores=tuple((v, moved(a), s) for v, a, s in nest.stores),
        lanes=LANES,
    )
