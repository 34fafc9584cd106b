"""Loop nests for CUDA where a CPU has none or another one.

A CPU has library kernels for products and fills, so those have no generated loops there.  In a sum
over time a CPU takes row after row and adds it to its owner (the example); on a GPU two threads
would then add to the same word, so each example has threads of its own, which go through its rows.
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
    """y (+)= sum of a * b; `places` are the views of a, b and y, each with its first word; where
    it `rounds`, of a and b rounded to bfloat16.

    A sum over every example is divided by their number, which CUDA kernels call `count`.
    """
    (a, at_a), (b, at_b), (y, at_y) = places
    every = any(t.extent == Extent.EVERY for t in trips)
    loops = tuple(
        NestLoop(extent=Extent.RANGE if t.extent == Extent.EVERY else t.extent, reduces=t.y == 0)
        for t in trips
    )
    v0, v1, v2 = (Variable(Kind.REAL, k) for k in range(3))
    factors = tuple(Apply("to_bfloat", (v,)) for v in (v0, v1)) if rounds else (v0, v1)
    product = Apply("times", factors)
    if every:
        product = Apply("/", (product, Apply("real", (KernelArgument("count"),))))
    loads = (
        (v0, _access(a.storage, at_a, [t.a for t in trips])),
        (v1, _access(b.storage, at_b, [t.b for t in trips])),
    )
    store = Store.SUM_ADD if adds else Store.SUM
    target = _access(y.storage, at_y, [t.y for t in trips])
    return LoopNest(
        loops=loops,
        loads=loads,
        statements=(Statement(v2, product),),
        stores=((v2, target, store),),
    )


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
    variable, target, _ = nest.stores[-1]  # of a pair the sum: what a thread loses is not much
    owner = target.row

    def moved(access: MemAccess) -> MemAccess:
        row, *inner = access.moves
        if access.row == owner:
            return replace(access, row=None, moves=(row, 0, *inner))
        return replace(access, moves=(0, row, *inner))

    def clock(kind: str, *moves: int) -> MemAccess:
        return MemAccess(
            storage=clock_place(kind, time, per_row=kind == "after").storage,
            offset=0,
            moves=moves,
            index=True,
        )

    return replace(
        nest,
        loops=(
            NestLoop(extent=Extent.RANGE),
            NestLoop(extent=Extent.WALK, reduces=True),
            *nest.loops[1:],
        ),
        loads=tuple((v, moved(a)) for v, a in nest.loads if v != owner),
        stores=((variable, moved(target), Store.SUM),),
        walk=Walk(first=clock("first", 1), length=clock("length", 1), after=clock("after", 0, 1)),
    )


def _access(storage: StorageKey, offset: int, moves: Sequence[int]) -> MemAccess:
    return MemAccess(storage=storage, offset=offset, moves=tuple(moves))
