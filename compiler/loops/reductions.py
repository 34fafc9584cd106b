"""Where a reduction goes on: in a register, over innermost loops, or in memory.

A nest is built with its loops in the order of its result, and its sum or maximum is of all loops
that `reduces` says.  That is what it means; printers want such loops innermost.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.interchange import interchange
from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.machine.machine import MACHINE

OVER_NO_LOOP = {Store.SUM: Store.SET, Store.SUM_ADD: Store.ADD, Store.MAX: Store.SET}


def sum_in_memory(nest: LoopNest) -> LoopNest:
    """A sum whose innermost loop moves the result and fills vectors is added to it as it stands.

    The result has to be zeroed first.
    """
    if len(nest.stores) != 1 or not any(loop.reduces for loop in nest.loops):
        return nest
    ((value, y, store),) = nest.stores
    last = nest.loops[max((j for j, loop in enumerate(nest.loops) if loop.extent != 1), default=0)]
    if store not in (Store.SUM, Store.SUM_ADD) or last.reduces or 0 < last.extent < MACHINE.vector:
        return nest
    return replace(nest, stores=((value, y, Store.ADD),))


def reduce_innermost(nest: LoopNest) -> LoopNest:
    """Loops that are summed over go inside the others; a sum over none is a store."""
    if not any(store in OVER_NO_LOOP for _, _, store in nest.stores):
        return nest
    if not any(loop.reduces for loop in nest.loops):
        stores = tuple((v, a, OVER_NO_LOOP.get(s, s)) for v, a, s in nest.stores)
        return replace(nest, stores=stores)
    order = sorted(range(len(nest.loops)), key=lambda j: nest.loops[j].reduces)
    return interchange(nest, order)
