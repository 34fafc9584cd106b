"""Thread mapping: which loops of a nest are divided over a GPU's threads, so that no two threads
write the same word.

A loop that does not move the result is a sum, and a thread runs through it.  The others are taken
by their stride in the result, least first.  Iterations of a loop write different words if its
stride is at least as long as all loops before it reach together: such a loop is a group by itself.
Any other is put into one group with the loops that it overlaps, and a thread is given a word of
that group, not an iteration.  The words of a group are the multiples of the greatest common divisor
of its strides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from math import gcd

from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.loops.thread_groups import LoopKind, ThreadGroup


def map_to_threads(nest: LoopNest) -> LoopNest:
    """The same nest, which says of each loop how threads go through it."""
    groups = _groups(nest)
    pairs = (zip(group.levels, group.kinds, strict=True) for group in groups)
    kinds = dict(chain.from_iterable(pairs))
    loops = (replace(n, kind=kinds.get(j, LoopKind.SERIAL)) for j, n in enumerate(nest.loops))
    return replace(nest, loops=tuple(loops), groups=tuple(groups))


def _groups(nest: LoopNest) -> list[ThreadGroup]:
    """The loops that are divided over threads, outermost first."""
    moves = nest.stores[0][1].moves
    if all(store is Store.SET for _, _, store in nest.stores):
        return [_alone(nest, level) for level in range(len(nest.loops))]
    ranged = [j for j, loop in enumerate(nest.loops) if loop.over_rows and moves[j]]
    inner = [j for j, move in enumerate(moves) if move and j not in ranged]
    grouped: list[list[int]] = []
    for level in sorted(inner, key=lambda j: moves[j]):
        _place(nest, moves, grouped, level)
    groups = [_group(nest, moves, levels) for levels in reversed(grouped)]
    return [_alone(nest, level) for level in ranged] + groups


def _place(nest: LoopNest, moves: Sequence[int], grouped: list[list[int]], level: int) -> None:
    """Add a loop: as a group of its own, or merged with the groups that it overlaps."""
    new = [level]
    while grouped:
        below = [j for levels in grouped for j in levels]
        if gcd(*(moves[j] for j in new)) >= _reach(nest, moves, below):
            break
        new = grouped.pop() + new
    grouped.append(new)


def _reach(nest: LoopNest, moves: Sequence[int], levels: Sequence[int]) -> int:
    """How many words apart the first and the last word lie that some loops write, the last one
    included.
    """
    return 1 + sum(moves[j] * (nest.loops[j].extent - 1) for j in levels)


def _group(nest: LoopNest, moves: Sequence[int], levels: Sequence[int]) -> ThreadGroup:
    if len(levels) == 1:
        return _alone(nest, levels[0])
    unit = gcd(*(moves[j] for j in levels))
    ordered = sorted(levels, key=lambda j: nest.loops[j].extent)
    return ThreadGroup(tuple(ordered), (_reach(nest, moves, levels) - 1) // unit + 1, unit)


def _alone(nest: LoopNest, level: int) -> ThreadGroup:
    loop = nest.loops[level]
    return ThreadGroup((level,), loop.in_a_row, 1)
