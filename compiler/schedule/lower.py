"""One unit as instructions: loops of its own, or a library kernel and its geometry."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from compiler.emit import cuda_gather, gather
from compiler.entry import Kernel, Launch, Operand, Sum
from compiler.geometry import EVERY, Y_ROW
from compiler.graph.graph import Node
from compiler.ops.contract import Contract
from compiler.ops.index import Scatter, Take
from compiler.ops.reduce import ArgMax
from compiler.ops.shape import Concat
from compiler.schedule.contraction import Trip, plan_contraction
from compiler.schedule.device import contraction_nest
from compiler.schedule.layout import covers, row_major, through
from compiler.schedule.loops import pointwise_nest, reduction_nest
from compiler.schedule.nest import RANGE, Nest, Store, merge_loops
from compiler.schedule.phases import PhaseKey, Region
from compiler.schedule.statements import identity
from compiler.schedule.table import Pieces, Table
from compiler.schedule.units import Unit, is_pointwise
from compiler.schedule.work import work_of


def lower_unit(table: Table, unit: Unit, stored: list[int]) -> None:
    """Add a unit's instructions; `stored` are its nodes that others read."""
    graph, places, region = table.graph, table.layouts.places, unit.region
    node = graph[unit.nodes[-1]]
    match node.op:
        case Contract(operands=(_, _)):
            _contraction(table, unit, node)
        case ArgMax():
            _argmax(table, unit, node)
        case Take() | Scatter():
            _rows(table, unit, node)
        case Concat():
            _concat(table, unit, node)
        case _ if is_pointwise(node):
            targets = {id: places[id] for id in stored}
            nest = pointwise_nest(graph, unit.nodes, targets, places, region)
            if not _transposition(table, unit, nest):
                table.nest(unit, nest)
        case _:
            place = places[node.id]
            nest, zeroed = reduction_nest(graph, unit.nodes, place, places, region)
            if zeroed:
                table.fill(unit, place)
            table.nest(unit, nest)
    key = places[node.id].storage
    if key in table.memory.partial:
        table.sums.setdefault(unit.phase, []).append(
            Sum(
                partial=table.memory.partial[key].offset,
                uniform=table.memory.operands[key].offset,
                words=table.layouts.words[key],
            )
        )


def _transposition(table: Table, unit: Unit, nest: Nest) -> bool:
    """Use the library's kernel, if a nest copies matrices with their axes exchanged.

    Of every example one matrix, or else some that are alike, whose rows threads share.
    """
    copies = [table.graph[id].op.name for id in unit.nodes] == ["copy"]
    each, depth = unit.phase.examples, len(nest.loops)
    if not copies or depth not in ((3,) if each else (2, 3)) or len(nest.loads) != 1:
        return False
    ((_, x),), ((_, y, _),) = nest.loads, nest.stores
    if x.index or x.moves[-2] != 1 or y.moves[-1] != 1:
        return False
    if each and (nest.loops[0].extent != RANGE or nest.loops[0].scale != 1):
        return False
    rows, columns = (loop.extent for loop in nest.loops[-2:])
    alike = (nest.loops[0].extent, x.moves[0], y.moves[0]) if depth == 3 else (1, 0, 0)
    table.add(
        unit,
        Kernel("transpose"),
        (table.operand(x), table.operand(y, written=True)),
        (rows if each else RANGE, columns, x.moves[-1], y.moves[-2], *alike),
        table.launch(nest, unit.region.time),
        extent=1 if each else rows,
        work=rows * columns * alike[0],
        needed=work_of(nest, table.layouts.words),
        nest=nest,
    )
    return True


def _contraction(table: Table, unit: Unit, node: Node) -> None:
    op, target = node.op, table.layouts.places[node.id]
    assert isinstance(op, Contract)
    a, b = (table.layouts.places[i] for i in node.inputs)
    (move_a, at_a), (move_b, at_b), (move_y, at_y) = (
        through(m, place, len(op.extents))
        for m, place in ((op.operands[0], a), (op.operands[1], b), (op.result, target))
    )
    trips = [Trip(n, *moves) for n, *moves in zip(op.extents, move_a, move_b, move_y, strict=True)]
    examples = unit.phase.examples
    if examples or op.mean:
        every = RANGE if examples else EVERY
        trips.insert(0, Trip(every, a.example, b.example, target.example))
    plan = plan_contraction(trips, accumulate=op.mean and examples, once=not examples)
    if not (op.mean and examples) and (plan.adds or not covers(op)):
        table.fill(unit, target)
    nest = contraction_nest(trips, [(a, at_a), (b, at_b), (target, at_y)], plan.adds)
    operands = [
        replace(table.operand(a), inner=at_a),
        replace(table.operand(b), inner=at_b),
        replace(table.operand(target, written=True), inner=at_y),
    ]
    if plan.swap:
        operands[:2] = operands[1::-1]
    table.add(
        unit,
        Kernel(plan.kernel),
        tuple(operands),
        plan.geometry,
        table.launch(nest, unit.region.time),
        extent=plan.extent,
        work=int(np.prod(op.extents)),
        needed=work_of(nest, table.layouts.words, table.needed.get(node.tag, prod(op.extents))),
        nest=nest,
    )
    words = table.layouts.words[target.storage]
    if plan.extent > 1 and plan.extent * plan.geometry[Y_ROW] == words:
        table.pieces = Pieces(unit.phase, operands[2], words)


def _argmax(table: Table, unit: Unit, node: Node) -> None:
    x, y = (table.layouts.places[i] for i in (*node.inputs, node.id))
    shape = table.graph[node.inputs[0]].type.shape
    rows = int(np.prod(shape[:-1]))
    operands = (table.operand(x), table.operand(y, written=True))
    geometry = (rows, shape[-1], x.example, y.example)
    launch = Launch(
        source=cuda_gather.ARGMAX, operands=operands, geometry=geometry, pieces=rows,
        each=unit.phase.examples, time=table.memory.number(unit.region.time),
    )  # fmt: skip
    table.add(unit, Kernel("k0", gather.ARGMAX), operands, geometry, launch)


def _rows(table: Table, unit: Unit, node: Node) -> None:
    """Take or scatter: both go over (rows of the index) x (words of a row)."""
    x, at, y = (table.layouts.places[i] for i in (*node.inputs, node.id))
    first, index = (table.graph[i].type for i in node.inputs)
    if isinstance(node.op, Scatter):
        rows, width = node.op.rows, int(np.prod(node.type.shape[1:]))
        kernel, source, pieces = gather.SCATTER, cuda_gather.SCATTER, width
        table.fill(unit, y)
    else:
        rows, width = first.shape[0], int(np.prod(first.shape[1:]))
        kernel, source, pieces = gather.TAKE, cuda_gather.TAKE, index.size * width
    geometry = (index.size, rows, width, x.example, width, at.example, y.example)
    operands = (table.operand(x), table.operand(at), table.operand(y, written=True))
    launch = Launch(
        source=source, operands=operands, geometry=geometry, pieces=pieces,
        each=unit.phase.examples, time=table.memory.number(unit.region.time),
    )  # fmt: skip
    table.add(unit, Kernel("k0", kernel), operands, geometry, launch)


def _concat(table: Table, unit: Unit, node: Node) -> None:
    assert isinstance(node.op, Concat)
    target, start = table.layouts.places[node.id], 0
    for i in node.inputs:
        shape = table.graph[i].type.shape
        if table.layouts.places[i].storage == target.storage:  # computed in its place
            start += shape[node.op.axis]
            continue
        domain = identity(shape, unit.region)
        part = replace(target, offset=target.offset + start * target.strides[node.op.axis])
        nest = Nest(
            loops=domain.loops(),
            loads=((f"v{i}", domain.access(table.layouts.places[i], shape)),),
            statements=(),
            stores=((f"v{i}", domain.access(part, shape), Store.SET),),
        )
        table.nest(unit, merge_loops(nest))
        start += shape[node.op.axis]


def late_update(table: Table, id: int, target: Operand) -> None:
    """Copy an update that could not be written in place, after everything else."""
    last = max(table.instructions, default=PhaseKey(0, False))
    key = PhaseKey(last.number + 1, False) if last.examples else last
    unit = Unit(Region(key), [id])
    place, shape = table.layouts.places[id], table.graph[id].type.shape
    domain = identity(shape, unit.region)
    store = replace(place, storage=("persistent", f"late/{id}"), offset=0, strides=row_major(shape))
    table.memory.operands[store.storage] = target
    nest = merge_loops(
        Nest(
            loops=domain.loops(),
            loads=((f"v{id}", domain.access(place, shape)),),
            statements=(),
            stores=((f"v{id}", domain.access(store, shape), Store.SET),),
        )
    )
    table.nest(unit, nest)
