"""Where a reduction is made: in a register, over innermost loops, or in memory.

A nest is built with its loops in the order of its result; its sum or maximum is over all loops that
`reduces` marks, wherever they stand.  Printers want these loops innermost.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.interchange import interchange
from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.machine.machine import MACHINE

OVER_NO_LOOP = {Store.SUM: Store.SET, Store.SUM_ADD: Store.ADD, Store.MAX: Store.SET}


def sum_in_memory(nest: LoopNest) -> LoopNest:
    """Let a sum add to its result in memory, term by term, if the innermost loop moves the result
    and fills vectors.

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
    """Move loops that are summed over inside the others.  A sum over no loops becomes a plain
    store.
    """
    if not any(store in OVER_NO_LOOP for _, _, store in nest.stores):
        return nest
    if not any(loop.reduces for loop in nest.loops):
        stores = tuple((v, a, OVER_NO_LOOP.get(s, s)) for v, a, s in nest.stores)
        return replace(nest, stores=stores)
    order = sorted(range(len(nest.loops)), key=lambda j: nest.loops[j].reduces)
    return interchange(nest, order)
