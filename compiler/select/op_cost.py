"""How much a kernel has to do: the least a machine could do it with.

Every value is read or written once, however often the loops come back to it; a multiplication and
an addition are two operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from gradc_compiler.loops.ir import RANGE, LoopNest, MemAccess
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import OpCost


def cost_of(
    nest: LoopNest, stored: Mapping[StorageKey, int], products: int | None = None
) -> OpCost:
    """The work of a nest's loops; `stored` are the words of each storage.

    `products`: what a sum of products needs, each of them also an addition; its loops may do more.
    """
    fixed = [loop.extent if loop.extent > 0 else loop.scale for loop in nest.loops]
    each = any(loop.extent == RANGE for loop in nest.loops)
    operations = prod(fixed) * len(nest.statements) if products is None else 2 * products
    once = sum(words for words, varies in _moved(nest, fixed, stored) if not varies)
    varying = sum(words for words, varies in _moved(nest, fixed, stored) if varies)
    return OpCost(
        operations=0 if each else operations,
        operations_each=operations if each else 0,
        words=once,
        words_each=varying,
    )


def _moved(
    nest: LoopNest, fixed: list[int], stored: Mapping[StorageKey, int]
) -> Iterator[tuple[int, bool]]:
    """The words of each place, and whether every example has its own."""
    seen: dict[tuple[StorageKey, int], MemAccess] = {
        (access.storage, access.offset): access for access in nest.accesses()
    }
    for access in seen.values():
        reached = prod(n for n, move in zip(fixed, access.moves, strict=True) if move)
        varies = any(
            move != 0 and loop.extent == RANGE
            for loop, move in zip(nest.loops, access.moves, strict=True)
        )
        yield min(reached, stored.get(access.storage, reached)), varies
