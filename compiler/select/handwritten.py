"""Lowering to kernels whose text is written by hand: gathers, and operators along an axis."""

from __future__ import annotations

from math import prod

from gradc_compiler.fusion.groups import FusionGroup
from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.machine.targets import CUDA
from gradc_compiler.memory.layout import clock_place
from gradc_compiler.ops.index import Scatter
from gradc_compiler.ops.structured import Structured
from gradc_compiler.printing import cpu_gather, cuda_gather
from gradc_compiler.printing.row_kernel_table import ROW_KERNELS
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Kernel, Launch, Operand
from gradc_compiler.select.builder import KernelCall, ProgramBuilder
from gradc_compiler.select.indexed_nests import (
    RowSizes,
    argmax_nest,
    from_rows_nest,
    of_owner,
    scatter_nest,
    take_nest,
)


def argmax(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add the search for the place of the greatest number along the last axis."""
    x, y = (table.layouts.places[i] for i in (*node.inputs, node.id))
    shape = table.graph[node.inputs[0]].type.shape
    rows = prod(shape[:-1])
    operands = (table.operand(x), table.operand(y, written=True))
    geometry = (rows, shape[-1], x.example, y.example)
    nest = argmax_nest(x, y, rows, shape[-1], unit.phase.examples)
    _written(table, unit, (cpu_gather.ARGMAX, cuda_gather.ARGMAX), operands, geometry, rows, nest)


def take_or_scatter(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add a take or a scatter: both go over (numbers of the index) x (words of a row)."""
    x, at, y = (table.layouts.places[i] for i in (*node.inputs, node.id))
    first, index = (table.graph[i].type for i in node.inputs)
    if isinstance(node.op, Scatter):
        sizes = RowSizes(index.size, node.op.rows, prod(first.shape[index.rank :]))
        sources, pieces = _scatters(node.op), sizes.width
        if not node.op.mean:
            table.fill(unit, y)
        nest = scatter_nest(x, at, y, sizes, unit.phase.examples, pair=node.op.pair)
    else:
        sizes = RowSizes(index.size, first.shape[0], prod(first.shape[1:]))
        sources, pieces = (cpu_gather.TAKE, cuda_gather.TAKE), index.size * sizes.width
        nest = take_nest(x, at, y, sizes, unit.phase.examples)
    width = sizes.width
    geometry = (index.size, sizes.rows, width, x.example, width, at.example, y.example)
    operands = [table.operand(x), table.operand(at), table.operand(y, written=True)]
    time = unit.region.time
    if time is not None and x.example and x.time is None:  # a table that each example has once
        sources = cpu_gather.TAKE_OWN, cuda_gather.TAKE_OWN
        owner = clock_place("owner", time, per_row=True)
        operands.insert(2, table.operand(owner))
        nest = of_owner(nest, owner)
    _written(table, unit, sources, tuple(operands), geometry, pieces, nest)


def _scatters(op: Scatter) -> tuple[str, str]:
    """The kernels of a scatter, for a CPU and for CUDA."""
    if op.pair:
        return cpu_gather.SCATTER_PAIR, cuda_gather.SCATTER_PAIR
    return cpu_gather.SCATTER, cuda_gather.SCATTER


def from_rows(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add a copy of every element of a sequence to its row of a tensor of the example."""
    x, y = (table.layouts.places[i] for i in (*node.inputs, node.id))
    time = unit.region.time
    assert time is not None, "rows are elements of a sequence"
    clocks = [clock_place(kind, time, per_row=True) for kind in ("owner", "position")]
    operands = (table.operand(x), *map(table.operand, clocks), table.operand(y, written=True))
    width = prod(node.type.shape[1:])
    sources = cpu_gather.FROM_ROWS, cuda_gather.FROM_ROWS
    if node.type.kind is Kind.INDEX:
        sources = cpu_gather.NUMBER_ROWS, cuda_gather.NUMBER_ROWS
    nest = from_rows_nest(x, clocks, y, RowSizes(1, node.type.shape[0], width))
    geometry = (width, x.example, node.type.shape[0])
    _written(table, unit, sources, operands, geometry, width, nest)


def row_kernel(table: ProgramBuilder, unit: FusionGroup, node: Node, op: Structured) -> None:
    """Add an operator along an axis, by the kernel that belongs to it."""
    ids, types = (*node.inputs, node.id), [table.graph[i].type for i in node.inputs]
    places = [table.layouts.places[i] for i in ids]
    kernel = ROW_KERNELS[type(op)](op, *types)
    shapes = [*(type.shape for type in types), node.type.shape[-types[0].rank :]]
    axis = getattr(op, "axis", types[0].rank - 1)
    geometry = kernel.geometry(shapes, axis, [place.example for place in places])
    operands = tuple(table.operand(place, written=place is places[-1]) for place in places)
    nest = kernel.nest(places, shapes, axis, unit.phase.examples)
    _written(table, unit, (kernel.cpu, kernel.cuda), operands, geometry, geometry[0], nest)


def _written(
    table: ProgramBuilder,
    unit: FusionGroup,
    sources: tuple[str, str],
    operands: tuple[Operand, ...],
    geometry: tuple[int, ...],
    pieces: int,
    nest: LoopNest,
) -> None:
    """Add a kernel whose text is written by hand, for a CPU and for CUDA; `nest` is its meaning."""
    cpu, cuda = sources
    launch = Launch(
        source=cuda, operands=operands, geometry=geometry, pieces=pieces,
        each=unit.phase.examples, time=table.memory.number(unit.region.time),
    )  # fmt: skip
    call = KernelCall(
        kernel=Kernel("k0", cpu),
        operands=operands,
        geometry=geometry,
        launch=Deferred(lambda: launch) if table.target == CUDA else None,
        nest=table.optimise(nest, ()),
    )
    table.add(unit, call)
