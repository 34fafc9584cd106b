"""The shape of a nest: its loops, how they move its places, and what its stores do.

Passes over loops read and change nothing else.  So nests of one shape, such as those of equal
layers, go through the passes once.  That passes see nothing else holds by construction: they are
given the `skeleton` of a shape, which has nothing else.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import LoopNest, MemAccess, NestLoop, Statement, Store, Variable
from gradc_compiler.loops.scalar_form import whole_number
from gradc_compiler.records.fast_dataclass import dataclass

Moves = tuple[tuple[int, ...], bool]  # of a place by each loop; whether a number says its row


@dataclass(frozen=True, slots=True)
class NestShape:
    """Everything about a nest but its variables, buffers and statements."""

    loops: tuple[NestLoop, ...]
    loads: tuple[Moves, ...]
    stores: tuple[tuple[Moves, Store], ...]
    positional: bool
    hoisted: bool


def shape_of(nest: LoopNest) -> NestShape:
    """The shape of a nest whose loops are not unrolled."""
    return NestShape(
        nest.loops,
        tuple((a.moves, a.row is not None) for _, a in nest.loads),
        tuple(((a.moves, a.row is not None), store) for _, a, store in nest.stores),
        nest.positional,
        nest.hoisted,
    )


def with_shape(nest: LoopNest, shape: NestShape) -> LoopNest:
    """A nest in another shape; its loads and stores stay in order."""
    loads = zip(nest.loads, shape.loads, strict=True)
    stores = zip(nest.stores, shape.stores, strict=True)
    return replace(
        nest,
        loops=shape.loops,
        loads=tuple((v, _moved(a, moves)) for (v, a), (moves, _) in loads),
        stores=tuple((v, _moved(a, moves), s) for (v, a, _), ((moves, _), s) in stores),
        hoisted=shape.hoisted,
    )


def _moved(access: MemAccess, moves: tuple[int, ...]) -> MemAccess:
    """A place that loops move otherwise."""
    if moves == access.moves:
        return access
    return MemAccess(
        storage=access.storage, offset=access.offset, moves=moves,
        index=access.index, row=access.row, at=access.at,
    )  # fmt: skip


def skeleton(shape: NestShape) -> LoopNest:
    """A nest of a shape, with a buffer for each place and one number for all stores."""
    numbers = [Variable(Kind.INDEX, k) for k in range(len(shape.loads) + 1)]
    value = numbers.pop()
    row = next((v for v, (_, by) in zip(numbers, shape.loads, strict=True) if not by), None)

    def place(moves: Moves, name: str, k: int) -> MemAccess:
        by = row if moves[1] else None
        return MemAccess(storage=(name, k), offset=0, moves=moves[0], row=by)

    return LoopNest(
        loops=shape.loops,
        loads=tuple((numbers[k], place(m, "load", k)) for k, m in enumerate(shape.loads)),
        statements=(Statement(value, whole_number(0)),),
        stores=tuple((value, place(m, "store", k), s) for k, (m, s) in enumerate(shape.stores)),
        positional=shape.positional,
        hoisted=shape.hoisted,
    )
