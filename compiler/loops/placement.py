"""Where in a nest things are done: loads before inner loops, sums in blocks, masks at the end.

These passes only mark a nest.  A printer for a CPU writes what is marked, and decides nothing.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.machine.addition_chains import IN_A_ROW
from gradc_compiler.machine.machine import MACHINE

NARROW, IN_VECTOR = MACHINE.wide, MACHINE.vector  # iterations, and those of the widest vector
IN_REGISTERS = {Store.SUM, Store.SUM_ADD, Store.MAX}


def hoist_loads(nest: LoopNest) -> LoopNest:
    """Mark a nest so that a load stands before the loops that do not move it (loop-invariant code
    motion).
    """
    movable = any(access.depth() < len(nest.loops) for _, access in nest.loads)
    return replace(nest, hoisted=True) if movable and not nest.hoisted else nest


def mask_remainder(nest: LoopNest) -> LoopNest:
    """Mark a short innermost loop so that its last vector is filled in part, under a mask."""
    last = len(nest.loops) - 1
    masked = [j == last and is_narrow(loop.extent) for j, loop in enumerate(nest.loops)]
    if masked == [loop.masked for loop in nest.loops]:
        return nest
    marked = zip(nest.loops, masked, strict=True)
    return replace(nest, loops=tuple(replace(loop, masked=mask) for loop, mask in marked))


def sum_in_blocks(nest: LoopNest) -> LoopNest:
    """Mark a sum over rows in a register so that it is made in blocks, and no chain of additions
    gets long.

    Note [How long a chain of additions is] says why.
    """
    inner = next((j for j, loop in enumerate(nest.loops) if loop.reduces), None)
    if inner is None or not nest.loops[inner].over_rows:
        return nest
    if not any(store in IN_REGISTERS for _, _, store in nest.stores):
        return nest
    each = prod(loop.extent for loop in nest.loops[inner + 1 :])
    loops, block = list(nest.loops), max(1, IN_A_ROW // max(1, each))
    loops[inner] = replace(loops[inner], block=block)
    return nest if nest.loops[inner].block == block else replace(nest, loops=tuple(loops))


def is_narrow(extent: int) -> bool:
    """Whether a loop has so few vectors that masking the last one, which is partly filled, is
    faster.
    """
    return 1 < extent < NARROW and extent % IN_VECTOR != 0
