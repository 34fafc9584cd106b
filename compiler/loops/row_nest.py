"""Nests that go through the same rows as one nest: what is done for a row before the next is begun.

A softmax is a maximum along each row, a difference and its exponential, a sum along the row, and a
quotient: five loop nests, whose outer loops are the same rows and whose inner loops, where they
have any, the columns of a row.  A `RowNest` has them side by side, cut into *levels*: a level goes
once through a row's columns, and what it sums up along the row is known from the next one on.

Nests are written with as few loops as they can be, so a row may be a loop in one and a part of a
loop in another.  `refined` cuts the loops of a nest at given *bounds*: how many words of a row of
examples lie within a loop and all loops inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from gradc_compiler.loops.ir import BodyItem, LoopNest, MemAccess, NestLoop, Store, Variable
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass

SUMS = (Store.SUM, Store.SUM_ADD, Store.ADD, Store.MAX)  # along a row, in a register


@dataclass(frozen=True, slots=True)
class RowSum:
    """target = the sum or the maximum of a value along the row, added to what `old` holds."""

    target: Variable
    value: Variable
    is_max: bool
    old: Variable | None


@dataclass(frozen=True, slots=True)
class RowLevel:
    """What is done once for a row, then for each of its columns, and what that sums up."""

    once: tuple[BodyItem, ...]
    each: tuple[BodyItem, ...]
    sums: tuple[RowSum, ...]


@dataclass(frozen=True, slots=True)
class RowNest:
    """Loops over rows, loops over a row's columns, and levels in order."""

    rows: tuple[NestLoop, ...]
    columns: tuple[NestLoop, ...]
    levels: tuple[RowLevel, ...]

    @property
    def width(self) -> int:
        """How many columns a row has."""
        return prod(loop.extent for loop in self.columns)

    def items(self) -> Iterator[BodyItem]:
        """Everything that is done, in order."""
        for level in self.levels:
            yield from (*level.once, *level.each)


def columns_of(nest: LoopNest) -> int:
    """How many terms each sum of a nest has, whose innermost loops are summed over; 0 where a nest
    is no sum along rows.
    """
    if len(nest.stores) != 1 or nest.stores[0][2] not in SUMS:
        return 0
    summed = [loop.reduces for loop in nest.loops]
    count, access = sum(summed), nest.stores[0][1]
    inside = all(summed[len(summed) - count :]) and not any(loop.over_rows for loop in _last(nest))
    still = all(bool(move) != sums for move, sums in zip(access.moves, summed, strict=True))
    return prod(loop.extent for loop in _last(nest)) if inside and still else 0


def _last(nest: LoopNest) -> list[NestLoop]:
    return [loop for loop in nest.loops if loop.reduces]


def words_of(nest: LoopNest) -> int:
    """How many iterations a nest has for a row of the table: an example, or an element."""
    return prod(loop.in_a_row for loop in nest.loops)


def bounds_of(nest: LoopNest, within: int = 1) -> Iterator[int]:
    """The bounds of a nest's loops, innermost first; each of its iterations is so many words."""
    yield within
    for loop in reversed(nest.loops):
        within *= loop.in_a_row
        yield within


def are_nested(bounds: Iterable[int]) -> bool:
    """Whether loops can be cut at all of these bounds."""
    return all(b % a == 0 for a, b in pairwise(sorted(bounds)))


def refined(nest: LoopNest, bounds: Iterable[int], within: int = 1) -> LoopNest:
    """The same nest with a loop from each bound to the next; an iteration is `within` words."""
    known, loops = sorted(bounds), list[NestLoop]()
    moves: list[list[int]] = [[] for _ in nest.accesses()]
    for level in reversed(range(len(nest.loops))):
        loop = nest.loops[level]
        ends = [b for b in known if within <= b <= within * loop.in_a_row]
        for a, b in pairwise(ends):
            loops.insert(0, NestLoop(extent=b // a, reduces=loop.reduces))
        steps = [a // within for a in ends[:-1]]
        if loop.over_rows:
            loops.insert(0, NestLoop(extent=Extent.RANGE, reduces=loop.reduces))
            steps.append(ends[-1] // within)
        for own, access in zip(moves, nest.accesses(), strict=True):
            own[:0] = [access.moves[level] * step for step in reversed(steps)]
        within = ends[-1]
    return _with(nest, loops, moves)


def _with(nest: LoopNest, loops: Sequence[NestLoop], moves: Sequence[Sequence[int]]) -> LoopNest:
    """A nest with other loops, which move its accesses so."""
    count = len(nest.loads)

    def moved(access: MemAccess, own: Sequence[int]) -> MemAccess:
        return replace(access, moves=tuple(own))

    return replace(
        nest,
        loops=tuple(loops),
        loads=tuple(
            (v, moved(a, own)) for (v, a), own in zip(nest.loads, moves[:count], strict=True)
        ),
        stores=tuple(
            (v, moved(a, own), s) for (v, a, s), own in zip(nest.stores, moves[count:], strict=True)
        ),
        groups=(),
    )


def with_columns(nest: LoopNest, columns: int) -> LoopNest:
    """A nest without columns, whose accesses are not moved by so many further loops."""
    still = (0,) * columns
    return replace(
        nest,
        loads=tuple((v, replace(a, moves=(*a.moves, *still))) for v, a in nest.loads),
        stores=tuple((v, replace(a, moves=(*a.moves, *still)), s) for v, a, s in nest.stores),
    )
