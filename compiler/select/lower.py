"""Lowering: a fusion group becomes instructions.

An instruction is a loop nest of its own, or a library kernel with its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.fusion.groups import FusionGroup, is_pointwise
from gradc_compiler.fusion.stages import Region, Stage
from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import Kind
from gradc_compiler.graph_tools.roundings import precision_of
from gradc_compiler.loops.chain_lengths import chain_of_product
from gradc_compiler.loops.ir import LoopNest, Store, Variable
from gradc_compiler.loops.loop_passes import BUILT, MEANING
from gradc_compiler.loops.scalar_code import identity
from gradc_compiler.loops.unit_nests import pointwise_nest, reduction_nest
from gradc_compiler.loops.unroll_constant_matmul import written_out_nest
from gradc_compiler.memory.layout import BufferView, row_major, through
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.pair_sums import PairSums
from gradc_compiler.ops.reduce import ArgMax
from gradc_compiler.ops.rounded_contract import RoundedContract
from gradc_compiler.ops.sequence import FromRows
from gradc_compiler.ops.shape import Concat
from gradc_compiler.ops.structured import Structured
from gradc_compiler.printing.tile_plan import Precision
from gradc_compiler.program.entry import Kernel, Operand, PartialReduction
from gradc_compiler.program.kernel_abi import ROUNDED, Y_ROW, Extent
from gradc_compiler.rewrites.conv.match import covers
from gradc_compiler.rewrites.conv.small_matrix import WRITTEN_OUT, has_small_matrix
from gradc_compiler.select.builder import KernelCall, ProgramBuilder
from gradc_compiler.select.contraction import LoopDim, select_kernel
from gradc_compiler.select.device_nests import contraction_nest
from gradc_compiler.select.handwritten import argmax, from_rows, row_kernel, take_or_scatter
from gradc_compiler.select.op_cost import cost_of
from gradc_compiler.select.pair_kernels import attention
from gradc_compiler.select.tile_chain import TileChain, TileUse


def lower_unit(table: ProgramBuilder, unit: FusionGroup, stored: list[int]) -> None:
    """Add a group's instructions; `stored` are its nodes that others read."""
    node = table.graph[unit.nodes[-1]]
    match node.op:
        case _ if node.type.size == 0:
            return  # a value without elements needs none
        case Contract() if _is_written_out(table, node):
            _written_out(table, unit, node)
        case Contract(operands=(_, _)):
            _contraction(table, unit, node)
        case op if type(op) in OF_ONE_NODE:
            OF_ONE_NODE[type(op)](table, unit, node)
        case Structured() as op:
            row_kernel(table, unit, node, op)
        case _ if is_pointwise(node):
            _pointwise(table, unit, stored)
        case _:
            _reduction(table, unit, node)
    add_sum(table, unit)


def _is_written_out(table: ProgramBuilder, node: Node) -> bool:
    """Whether a product becomes loops with the numbers of a small constant matrix in them."""
    return table.switches.allow(WRITTEN_OUT) and has_small_matrix(table.graph, node)


def _written_out(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add a product with a small constant matrix as loops that have its numbers in them."""
    table.switches.count(WRITTEN_OUT)
    nest = written_out_nest(table.graph, node, table.layouts.places, unit.region)
    table.nest(unit, table.optimise(nest, BUILT), table.needed.get(node.tag))


def _pointwise(table: ProgramBuilder, unit: FusionGroup, stored: Sequence[int]) -> None:
    """Add elementwise nodes as one nest; a mere transposition is the library's."""
    places = table.layouts.places
    targets = {id: places[id] for id in stored}
    nest = pointwise_nest(table.graph, unit.nodes, targets, places, unit.region)
    nest = table.optimise(nest, BUILT)
    if not _transposition(table, unit, nest):
        table.nest(unit, nest)


def _reduction(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add a maximum or a sum; the result is zeroed before, if the nest adds to it."""
    places = table.layouts.places
    place = places[node.id]
    nest = reduction_nest(table.graph, unit.nodes, place, places, unit.region)
    nest = table.optimise(nest, BUILT)
    if _adds(nest) and place.storage not in table.memory.partial:
        table.fill(unit, place)
    table.nest(unit, nest)


def _adds(nest: LoopNest) -> bool:
    """Whether a nest adds to what its result holds, which must be zeros then."""
    return any(store not in (Store.SET, Store.SUM, Store.MAX) for _, _, store in nest.stores)


def add_sum(table: ProgramBuilder, unit: FusionGroup) -> None:
    """If a group's result is a mean, let its partial sums be added up at the end of the stage."""
    key = table.layouts.places[unit.nodes[-1]].storage
    if key in table.memory.partial:
        partial, uniform = table.memory.partial[key].offset, table.memory.operands[key].offset
        words = table.layouts.words[key]
        total = PartialReduction(partial=partial, uniform=uniform, words=words)
        table.sums.setdefault(unit.phase, []).append(total)


def _transposition(table: ProgramBuilder, unit: FusionGroup, nest: LoopNest) -> bool:
    """Use the library's transposition, if a nest copies matrices with their axes exchanged; whether
    it did.

    Of one shape, a serial stage may have several matrices, whose rows threads divide.
    """
    copies = [table.graph[id].op.name for id in unit.nodes] == ["copy"]
    each, depth = unit.phase.examples, len(nest.loops)
    if not copies or not _exchanges_axes(nest, each=each):
        return False
    ((_, x),), ((_, y, _),) = nest.loads, nest.stores
    rows, columns = (loop.extent for loop in nest.loops[-2:])
    alike = (nest.loops[0].extent, x.moves[0], y.moves[0]) if depth == 3 else (1, 0, 0)
    call = KernelCall(
        kernel=Kernel("transpose"),
        operands=(table.operand(x), table.operand(y, written=True)),
        geometry=(rows if each else Extent.RANGE, columns, x.moves[-1], y.moves[-2], *alike),
        launch=table.launch(nest, unit.region.time),
        extent=1 if each else rows,
        iterations=rows * columns * alike[0],
        work=cost_of(nest, table.layouts.words),
        nest=nest,
    )
    table.add(unit, call)
    return True


def _exchanges_axes(nest: LoopNest, *, each: bool) -> bool:
    """Whether a nest reads down the rows what it writes along them.

    In a batch stage it is a matrix for each example, in a serial stage one matrix or several.
    """
    if len(nest.loops) not in ((3,) if each else (2, 3)) or len(nest.loads) != 1:
        return False
    ((_, x),), ((_, y, _),) = nest.loads, nest.stores
    if x.index or x.moves[-2] != 1 or y.moves[-1] != 1:
        return False
    return not each or (nest.loops[0].over_rows and nest.loops[0].scale == 1)


def _contraction(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    """Add a product of two operands on a library kernel; Y is zeroed if that adds to it."""
    op, examples = node.op, unit.phase.examples
    assert isinstance(op, Contract)
    rounds = isinstance(op, RoundedContract)
    places = [table.layouts.places[i] for i in (*node.inputs, node.id)]
    trips, starts = _trips(op, places, examples=examples)
    plan = select_kernel(trips, accumulate=op.mean and examples, once=not examples)
    if not (op.mean and examples) and (plan.adds or not covers(op)):
        table.fill(unit, places[-1])
    nest = contraction_nest(trips, list(zip(places, starts, strict=True)), plan.adds, rounds=rounds)
    nest = table.optimise(nest, MEANING)
    a, b, y = (
        replace(table.operand(place, written=place is places[-1]), inner=start)
        for place, start in zip(places, starts, strict=True)
    )
    products = prod(op.extents)
    call = KernelCall(
        kernel=Kernel(plan.kernel + ROUNDED * rounds),
        operands=(b, a, y) if plan.swap else (a, b, y),
        geometry=plan.geometry,
        launch=table.launch(nest, unit.region.time, Precision(precision_of(table.graph, node))),
        extent=plan.extent,
        iterations=products,
        work=cost_of(nest, table.layouts.words, table.needed.get(node.tag, products)),
        nest=nest,
        added=chain_of_product(plan.kernel, plan.geometry, rows=1, examples=1).remat,
    )
    table.add(unit, call)
    _begin_chain(table, unit, call, table.layouts.words[places[-1].storage])


def _begin_chain(table: ProgramBuilder, unit: FusionGroup, call: KernelCall, words: int) -> None:
    """Let instructions after a product follow it piece by piece, if its rows are all of `words`."""
    if call.extent > 1 and call.extent * call.geometry[Y_ROW] == words:
        a, b, y = call.operands
        uses = (TileUse(a, None), TileUse(b, None), TileUse(y, 1, written=True))
        table.pieces = TileChain(unit.phase, words, uses)


def _trips(
    op: Contract, places: Sequence[BufferView], *, examples: bool
) -> tuple[list[LoopDim], tuple[int, ...]]:
    """The loops of a product, with the words by which each moves the operands and the result; and
    the words where these begin.

    A mean has a loop over the examples, and so has a product in a batch stage.
    """
    moved = zip((*op.operands, op.result), places, strict=True)
    moves, starts = zip(*(through(m, place, len(op.extents)) for m, place in moved), strict=True)
    trips = [LoopDim(*numbers) for numbers in zip(op.extents, *moves, strict=True)]
    if examples or op.mean:
        trips.insert(
            0,
            LoopDim(
                Extent.RANGE if examples else Extent.EVERY, *(place.example for place in places)
            ),
        )
    return trips, starts


def _concat(table: ProgramBuilder, unit: FusionGroup, node: Node) -> None:
    assert isinstance(node.op, Concat)
    target, start = table.layouts.places[node.id], 0
    for i in node.inputs:
        shape = table.graph[i].type.shape
        if table.layouts.places[i].storage == target.storage:  # computed in its place
            start += shape[node.op.axis]
            continue
        domain = identity(shape, unit.region)
        part = replace(target, offset=target.offset + start * target.strides[node.op.axis])
        copied = Variable(Kind.REAL, i)
        nest = LoopNest(
            loops=domain.loops(),
            loads=((copied, domain.access(table.layouts.places[i], shape)),),
            statements=(),
            stores=((copied, domain.access(part, shape), Store.SET),),
        )
        table.nest(unit, table.optimise(nest, BUILT))
        start += shape[node.op.axis]


OF_ONE_NODE: Mapping[type[Op], Callable[[ProgramBuilder, FusionGroup, Node], None]] = {
    ArgMax: argmax,
    Take: take_or_scatter,
    Scatter: take_or_scatter,
    FromRows: from_rows,
    Concat: _concat,
    PairSums: attention,
}


def late_update(table: ProgramBuilder, id: int, target: Operand) -> None:
    """Copy an update that could not be written in place to its state, after everything else."""
    last = max(table.instructions, default=Stage(0, False))
    key = Stage(last.number + 1, False) if last.examples else last
    unit = FusionGroup(Region(key), [id])
    place, shape = table.layouts.places[id], table.graph[id].type.shape
    domain = identity(shape, unit.region)
    store = replace(place, storage=("persistent", f"late/{id}"), offset=0, strides=row_major(shape))
    table.memory.operands[store.storage] = target
    copied = Variable(Kind.INDEX if place.index else Kind.REAL, id)  # a count stays whole
    nest = LoopNest(
        loops=domain.loops(),
        loads=((copied, domain.access(place, shape)),),
        statements=(),
        stores=((copied, domain.access(store, shape), Store.SET),),
    )
    table.nest(unit, table.optimise(nest, BUILT))
