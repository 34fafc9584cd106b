"""Loop nests for CUDA where a CPU has none or another one.

A CPU has library kernels for products and fills, so it has no generated loops for those.  In a sum
over time a CPU takes row after row and adds it to its owner (the example).  On a GPU two threads
would then add to the same word; so each example has threads of its own, which go through its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.loops.ir import (
    Apply,
    KernelArgument,
    LoopNest,
    MemAccess,
    NestLoop,
    ScalarConstant,
    Statement,
    Store,
    Variable,
    Walk,
)
from gradc_compiler.memory.layout import BufferView, StorageKey, clock_place
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.select.contraction import LoopDim


def contraction_nest(
    trips: Sequence[LoopDim],
    places: Sequence[tuple[BufferView, int]],
    adds: bool,
    *,
    rounds: bool = False,
) -> LoopNest:
    """y (+)= sum of a * b, of a and b rounded to bfloat16 if it `rounds`.

    `places` are the views of a, b and y, each with the word where it begins.  A sum over every
    example is divided by the number of examples, which CUDA kernels call `count`.
    """
    (a, at_a), (b, at_b), (y, at_y) = places
    every = any(t.extent == Extent.EVERY for t in trips)
    v0, v1, v2 = (Variable(Kind.REAL, k) for k in range(3))
    target = _access(y.storage, at_y, [t.y for t in trips])
    return LoopNest(
        loops=tuple(map(_loop, trips)),
        loads=(
            (v0, _access(a.storage, at_a, [t.a for t in trips])),
            (v1, _access(b.storage, at_b, [t.b for t in trips])),
        ),
        statements=(Statement(v2, _term(v0, v1, rounds=rounds, mean=every)),),
        stores=((v2, target, Store.SUM_ADD if adds else Store.SUM),),
    )


def _loop(trip: LoopDim) -> NestLoop:
    """A loop of a product; one over every example is over the range that a kernel is called for."""
    extent = Extent.RANGE if trip.extent == Extent.EVERY else trip.extent
    return NestLoop(extent=extent, reduces=trip.y == 0)


def _term(a: Variable, b: Variable, *, rounds: bool, mean: bool) -> Apply:
    """A term of a product; of a mean, divided by the number of examples."""
    factors = tuple(Apply("to_bfloat", (v,)) for v in (a, b)) if rounds else (a, b)
    product = Apply("times", factors)
    return Apply("/", (product, Apply("real", (KernelArgument("count"),)))) if mean else product


def fill_nest(storage: StorageKey, words: int, examples: bool) -> LoopNest:
    """y = 0, for every example or once."""
    loop = NestLoop(extent=Extent.RANGE, scale=words) if examples else NestLoop(extent=words)
    target = _access(storage, 0, [1])
    zero = Statement(Variable(Kind.REAL, 0), ScalarConstant(0.0, Kind.REAL))
    return LoopNest(
        loops=(loop,), loads=(), statements=(zero,), stores=((zero.target, target, Store.SET),)
    )


def sums_over_time(nest: LoopNest) -> bool:
    """Whether a nest adds rows of a sequence to the examples that own them."""
    return any(access.row is not None for _, access, _ in nest.stores)


def walk_nest(nest: LoopNest, time: Time) -> LoopNest:
    """A sum over time as a loop over examples and, inside, over each example's rows in order."""
    variable, target, _ = nest.stores[-1]  # of a pair only the sum: a thread loses little of it
    owner = target.row

    def moved(access: MemAccess) -> MemAccess:
        row, *inner = access.moves
        if access.row == owner:
            return replace(access, row=None, moves=(row, 0, *inner))
        return replace(access, moves=(0, row, *inner))

    walk = NestLoop(extent=Extent.WALK, reduces=True)
    return replace(
        nest,
        loops=(NestLoop(extent=Extent.RANGE), walk, *nest.loops[1:]),
        loads=tuple((v, moved(a)) for v, a in nest.loads if v != owner),
        stores=((variable, moved(target), Store.SUM),),
        walk=Walk(
            first=_clock("first", time, 1),
            length=_clock("length", time, 1),
            after=_clock("after", time, 0, 1),
        ),
    )


def _clock(kind: str, time: Time, *moves: int) -> MemAccess:
    """A read of an index array of packed sequences."""
    storage = clock_place(kind, time, per_row=kind == "after").storage
    return MemAccess(storage=storage, offset=0, moves=moves, index=True)


def _access(storage: StorageKey, offset: int, moves: Sequence[int]) -> MemAccess:
    return MemAccess(storage=storage, offset=offset, moves=tuple(moves))
