"""The loops of one generated kernel, before they are text.

A nest reads places, computes three-address statements, and stores; each loop moves every place by a
fixed number of words.  Neighbouring loops that move all places as one longer loop would are merged,
so that a whole batch of a contiguous tensor is one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from gradc_compiler.memory.layout import StorageKey

RANGE = -1  # extent of the loop that runs over the kernel's begin..end
WALK = -2  # extent of the loop that goes through one example's rows of a time, on a GPU


class Store(Enum):
    """What happens to the value a nest computes."""

    SET = "set"  # y = v
    ADD = "add"  # y += v, in memory, at every iteration
    LOST = "lost"  # y = what rounding loses when v + y is added at the place of the PAIR after it
    PAIR = "pair"  # y += v and what was lost before
    SUM = "sum"  # summed over the inner loops in a register, then y = v
    SUM_ADD = "sum_add"  # the same, then y += v
    MAX = "max"  # greatest over the inner loops, then y = v


@dataclass(frozen=True, slots=True, kw_only=True)
class MemAccess:
    """A place and the words each loop moves it; `row` counts in place of the loop over rows."""

    storage: StorageKey
    offset: int
    moves: tuple[int, ...]
    index: bool = False
    row: str | None = None  # a variable of the nest that holds a whole number

    def depth(self) -> int:
        """How many of the loops it depends on, counted to the innermost that moves it."""
        return max((j + 1 for j, m in enumerate(self.moves) if m), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NestLoop:
    """`extent` iterations (RANGE: begin..end, times `scale`); `reduces`: summed over."""

    extent: int
    scale: int = 1
    reduces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where an example's first row is, how many it has, and which row follows each."""

    first: MemAccess
    length: MemAccess
    after: MemAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopNest:
    """Loops outermost first; loads by variable; statements; stores of variables."""

    loops: tuple[NestLoop, ...]
    loads: tuple[tuple[str, MemAccess], ...]
    statements: tuple[str, ...]
    stores: tuple[tuple[str, MemAccess, Store], ...]
    positional: bool = False  # statements use the loop counters: loops must not be merged
    note: str = ""
    walk: Walk | None = None  # of the WALK loop

    def accesses(self) -> list[MemAccess]:
        """All places, loads first."""
        return [a for _, a in self.loads] + [a for _, a, _ in self.stores]


def writes_apart(nest: LoopNest) -> bool:
    """Whether no two turns of the outermost loop write the same word: threads may share it."""
    return all(_apart(access.moves, nest.loops) for _, access, _ in nest.stores)


def _apart(moves: Sequence[int], loops: Sequence[NestLoop]) -> bool:
    """Whether the first loop clears all that shorter steps reach, and longer steps clear it all."""
    first, *others = [(abs(m), loop.extent) for m, loop in zip(moves, loops, strict=True)]
    within = sum(step * (extent - 1) for step, extent in others if step <= first[0])
    if within >= first[0]:
        return False
    reach = within + first[0] * (first[1] - 1)
    for step, extent in sorted(others):
        if step > first[0]:
            if step <= reach:
                return False
            reach += step * (extent - 1)
    return True


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


def collapse_loops(nest: LoopNest) -> LoopNest:
    """Drop loops of one iteration and merge neighbours, innermost first."""
    if nest.positional:
        return nest
    kept = [j for j, loop in enumerate(nest.loops) if loop.extent != 1]
    nest = interchange(nest, kept)
    j = len(nest.loops) - 2
    while j >= 0:
        if _mergeable(nest, j):
            nest = _merged(nest, j)
        j -= 1
    return nest


def _mergeable(nest: LoopNest, j: int) -> bool:
    outer, inner = nest.loops[j], nest.loops[j + 1]
    if inner.extent == RANGE or outer.reduces != inner.reduces:
        return False
    if outer.extent == RANGE and any(a.row is not None for a in nest.accesses()):
        return False
    return all(a.moves[j] == inner.extent * a.moves[j + 1] for a in nest.accesses())


def _merged(nest: LoopNest, j: int) -> LoopNest:
    outer, inner = nest.loops[j], nest.loops[j + 1]
    if outer.extent == RANGE:
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
