"""Nests that say what the kernels mean that read or write where the data say: take, scatter,
argmax.

They run on kernels written by hand (`compiler/printing/cpu_gather.py`): a nest that is not affine
cannot be printed as loops.  But it says exactly what such a kernel does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Indirect, LoopNest, MemAccess, NestLoop, Store, Variable
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.records.fast_dataclass import dataclass

NUMBER, VALUE, OWNER = Variable(Kind.INDEX, 0), Variable(Kind.REAL, 1), Variable(Kind.INDEX, 2)


@dataclass(frozen=True, slots=True)
class RowSizes:
    """How many numbers an index has, how many rows each chooses from, and how many words a row
    has.
    """

    numbers: int
    rows: int
    width: int


def take_nest(
    x: BufferView, at: BufferView, y: BufferView, sizes: RowSizes, examples: bool
) -> LoopNest:
    """y[s, r] = x[number[s], r]."""
    row = Indirect(NUMBER, sizes.width, sizes.rows)
    loads = (
        (NUMBER, place_in(at, (1, 0), examples)),
        (VALUE, replace(place_in(x, (0, 1), examples), at=row)),
    )
    target = place_in(y, (sizes.width, 1), examples)
    extents = (sizes.numbers, sizes.width)
    return LoopNest(
        loops=loops_around(extents, examples),
        loads=loads,
        statements=(),
        stores=((VALUE, target, Store.SET),),
    )


def of_owner(nest: LoopNest, owner: BufferView) -> LoopNest:
    """A take by the elements of a sequence: each takes from the table of the example that owns
    it.
    """
    number, (value, x) = nest.loads
    clock = (OWNER, place_in(owner, (0, 0), examples=True))
    return replace(nest, loads=(number, clock, (value, replace(x, row=OWNER))))


def from_rows_nest(
    x: BufferView, clocks: Sequence[BufferView], y: BufferView, sizes: RowSizes
) -> LoopNest:
    """y[owner[t], position[t], r] = x[t, r]."""
    owner, position = (place_in(clock, (0,), examples=True) for clock in clocks)
    row = Indirect(NUMBER, sizes.width, sizes.rows)
    target = replace(place_in(y, (1,), examples=True), at=row, row=OWNER)
    return LoopNest(
        loops=loops_around((sizes.width,), examples=True),
        loads=((OWNER, owner), (NUMBER, position), (VALUE, place_in(x, (1,), examples=True))),
        statements=(),
        stores=((VALUE, target, Store.SET),),
    )


def scatter_nest(
    x: BufferView, at: BufferView, y: BufferView, sizes: RowSizes, examples: bool, *, pair: bool
) -> LoopNest:
    """y[number[s], r] += x[s, r]; a `pair` also keeps, behind each sum, what rounding has lost of
    it.
    """
    row = Indirect(NUMBER, sizes.width, sizes.rows)
    target = replace(place_in(y, (0, 1), examples), at=row)
    lost = replace(target, offset=target.offset + sizes.rows * sizes.width)
    both = ((VALUE, lost, Store.LOST), (VALUE, target, Store.PAIR))
    loads = (
        (NUMBER, place_in(at, (1, 0), examples)),
        (VALUE, place_in(x, (sizes.width, 1), examples)),
    )
    return LoopNest(
        loops=loops_around((sizes.numbers, sizes.width), examples),
        loads=loads,
        statements=(),
        stores=both if pair else ((VALUE, target, Store.ADD),),
    )


def argmax_nest(x: BufferView, y: BufferView, rows: int, width: int, examples: bool) -> LoopNest:
    """y[s] = the first k with the greatest x[s, k], or with NaN."""
    headers = loops_around((rows, width), examples)
    return LoopNest(
        loops=(*headers[:-1], replace(headers[-1], reduces=True)),
        loads=((VALUE, place_in(x, (width, 1), examples)),),
        statements=(),
        stores=((VALUE, place_in(y, (1, 0), examples), Store.ARGMAX),),
    )


def loops_around(extents: Sequence[int], examples: bool) -> tuple[NestLoop, ...]:
    """A loop over rows, in a batch stage, and loops of these extents."""
    rows = (NestLoop(extent=Extent.RANGE),) if examples else ()
    return (*rows, *(NestLoop(extent=n) for n in extents))


def place_in(place: BufferView, moves: Sequence[int], examples: bool) -> MemAccess:
    """A view of a buffer as these loops move it."""
    each = (place.example,) if examples else ()
    return MemAccess(
        storage=place.storage, offset=place.offset, moves=(*each, *moves), index=place.index
    )
