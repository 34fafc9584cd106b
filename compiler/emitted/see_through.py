"""Copies that differ only in layout: reads of such a copy become reads of the original.

A library kernel wants weights with their columns side by side, so the table has a nest that copies
them.  In C the loops can read the weights as the author keeps them: in

    for i of 25, for j of 8: y[i * 8 + j] = W[i + j * 25]

y has a digit for each loop, so a reader that moves through y by 40 = 5 * 8 moves through W by 5.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest, MemAccess, Statement, Store, Variable
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PlainCopy:
    """y, dense and in the order of the loops, is x at the same iterations."""

    source: MemAccess
    target: StorageKey
    extents: tuple[int, ...]
    strides: tuple[int, ...]  # of y

    def through(self, access: MemAccess, extents: Sequence[int]) -> MemAccess | None:
        """An access to y as one to x; None where a digit would carry into the next."""
        if access.at is not None or access.row is not None or access.index != self.source.index:
            return None
        if min(access.offset, *access.moves) < 0:
            return None
        most = self.digits(access.offset)
        moves = [self.digits(move) for move in access.moves]
        for digits, extent in zip(moves, extents, strict=True):
            most = [m + d * (extent - 1) for m, d in zip(most, digits, strict=True)]
        if any(m >= n for m, n in zip(most, self.extents, strict=True)):
            return None
        offset = self.source.offset + self.places(self.digits(access.offset))
        own = tuple(self.places(digits) for digits in moves)
        return replace(self.source, offset=offset, moves=own)

    def digits(self, words: int) -> list[int]:
        """The index of each loop at a given number of words into y."""
        found = []
        for stride in self.strides:
            found.append(words // stride)
            words %= stride
        return found

    def places(self, digits: Sequence[int]) -> int:
        """The offset in x at these indices of the loops."""
        return sum(d * move for d, move in zip(digits, self.source.moves, strict=True))


def copy_of(nest: LoopNest) -> PlainCopy | None:
    """The copy that a nest makes, or None where it does anything else."""
    if len(nest.loads) != 1 or len(nest.stores) != 1 or nest.body or nest.zeroed:
        return None
    ((read, source),), ((stored, target, store),) = nest.loads, nest.stores
    chain: list[Variable] = [read]
    for statement in nest.statements:
        if statement != Statement(statement.target, chain[-1]):
            return None
        chain.append(statement.target)
    extents = tuple(loop.extent for loop in nest.loops)
    dense: list[int] = []
    stride = 1
    for extent in reversed(extents):
        dense.insert(0, stride)
        stride *= extent
    fits = target.moves == tuple(dense) and target.offset == 0 and min(extents, default=0) > 0
    plain = stored == chain[-1] and store is Store.SET and source.row is None is source.at
    plain = plain and source.index == target.index and source.storage[0] == "persistent"
    return PlainCopy(source, target.storage, extents, target.moves) if fits and plain else None


def see_through_copies(
    nests: Sequence[LoopNest], kept: Collection[StorageKey]
) -> list[LoopNest | None]:
    """The nests with reads of copies as reads of what was copied; None for a copy not needed."""
    found: list[LoopNest | None] = list(nests)
    for at, nest in enumerate(nests):
        copy = copy_of(nest)
        if copy is None or copy.target in kept:
            continue
        readers = [k for k, n in enumerate(nests) if k != at and _touches(n, copy.target)]
        writers = [k for k, n in enumerate(nests) if _writes(n, copy.source.storage)]
        through = {k: _through(found[k], copy) for k in readers}
        early = all(w > max(readers, default=at) for w in writers)
        if readers and early and None not in through.values():
            found[at] = None
            for k, one in through.items():
                found[k] = one
    return found


def _touches(nest: LoopNest, storage: StorageKey) -> bool:
    return any(access.storage == storage for access in nest.accesses())


def _writes(nest: LoopNest, storage: StorageKey) -> bool:
    return any(access.storage == storage for _, access, _ in nest.stores)


def _through(nest: LoopNest | None, copy: PlainCopy) -> LoopNest | None:
    """A nest that reads what was copied; None where it cannot."""
    if nest is None or _writes(nest, copy.target):
        return None
    extents = [loop.extent if loop.extent > 0 else 1 for loop in nest.loops]
    loads = []
    for variable, access in nest.loads:
        if access.storage != copy.target:
            loads.append((variable, access))
            continue
        moved = copy.through(access, extents)
        if moved is None or any(
            move for move, loop in zip(access.moves, nest.loops, strict=True) if loop.extent < 0
        ):
            return None
        loads.append((variable, moved))
    return replace(nest, loads=tuple(loads))
