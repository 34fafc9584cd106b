"""What a kernel costs at least: operations, and words read or written (the roofline model).

Every word counts once, however often the loops come back to it, as if caches were unlimited.  A
multiplication and an addition are two operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

from gradc_compiler.loops.ir import LoopNest, MemAccess, Statement
from gradc_compiler.loops.row_nest import RowNest
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import OpCost


def cost_of(
    nest: LoopNest, stored: Mapping[StorageKey, int], products: int | None = None
) -> OpCost:
    """The cost of a nest; `stored` has the words of each buffer.

    `products` is how many products (each with an addition) the result needs, if the loops of a sum
    of products make more.
    """
    fixed = [loop.extent if loop.extent > 0 else loop.scale for loop in nest.loops]
    each = any(loop.over_rows for loop in nest.loops)
    operations = prod(fixed) * len(nest.statements) if products is None else 2 * products
    moved = list(_moved(nest, fixed, stored))
    once = sum(words for words, varies in moved if not varies)
    varying = sum(words for words, varies in moved if varies)
    return OpCost(
        operations=0 if each else operations,
        operations_each=operations if each else 0,
        words=once,
        words_each=varying,
    )


def _moved(
    nest: LoopNest, fixed: list[int], stored: Mapping[StorageKey, int]
) -> Iterator[tuple[int, bool]]:
    """For each access, how many words it reaches, and whether every example has its own."""
    seen: dict[tuple[StorageKey, int], MemAccess] = {
        (access.storage, access.offset): access for access in nest.accesses()
    }
    ranges = [level for level, loop in enumerate(nest.loops) if loop.over_rows]
    for access in seen.values():
        reached = prod(n for n, move in zip(fixed, access.moves, strict=True) if move)
        varies = any(access.moves[level] for level in ranges)
        yield min(reached, stored.get(access.storage, reached)), varies


def cost_of_rows(nest: RowNest, parts: OpCost) -> OpCost:
    """The cost of nests as one, whose `parts` together are known: the operations stay, and a word
    counts once for all.
    """
    loops = (*nest.rows, *nest.columns)
    ranges = [level for level, loop in enumerate(loops) if loop.over_rows]
    items = (item for item in nest.items() if not isinstance(item, Statement))
    seen = {(item.access.storage, item.access.offset): item.access for item in items}
    words = {True: 0, False: 0}
    for access in seen.values():
        reached = prod(n.in_a_row for n, move in zip(loops, access.moves, strict=True) if move)
        words[any(access.moves[level] for level in ranges)] += reached
    return replace(parts, words=words[False], words_each=words[True])
