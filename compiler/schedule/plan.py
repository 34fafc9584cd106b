"""A graph as an `Entry`: the whole schedule, step by step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from compiler.emit import cuda, cuda_gather, gather
from compiler.emit.cpu import emit_nest
from compiler.graph.graph import Graph, Node
from compiler.ops.contract import Contract
from compiler.ops.index import Scatter, Take
from compiler.ops.leaf import Constant as ConstantOp
from compiler.ops.leaf import Iota, Literal
from compiler.ops.reduce import ArgMax
from compiler.ops.shape import Concat
from compiler.program import (
    Constant, Entry, Instruction, Kernel, Launch, Operand, Phase, Result, Space, Sum,
)
from compiler.schedule.buffers import (
    Memory, lifetimes, place_arrays, place_updates, place_values,
)
from compiler.schedule.contraction import Trip, plan_contraction
from compiler.schedule.cost import choose_block, choose_chunks
from compiler.schedule.device import contraction_nest, fill_nest
from compiler.schedule.layout import Layouts, Place, assign_layouts, covers, row_major, through
from compiler.schedule.loops import identity, pointwise_nest, reduction_nest
from compiler.schedule.nest import RANGE, Access, Nest, Store, merge_loops
from compiler.schedule.phases import PhaseKey, assign_phases
from compiler.schedule.prepare import prepare
from compiler.schedule.units import Unit, form_units, is_pointwise

SPLIT_FROM = 4096  # iterations: what is shorter is not worth waking a second thread for


def schedule(
    name: str, graph: Graph, offsets: Mapping[str, int], without: Collection[str] = ()
) -> Entry:
    """The table for a graph whose persistents lie at `offsets`.

    `without` may name "fusion": every node is then a kernel of its own.
    """
    prepared = prepare(graph)
    phase = assign_phases(prepared)
    units = form_units(prepared, phase, fuse="fusion" not in without)
    layouts = assign_layouts(prepared, prepared.varying())
    plan = _Plan(name, graph, prepared, units, layouts, Memory())
    return plan.entry(offsets)


@dataclass
class _Plan:
    name: str
    original: Graph
    graph: Graph
    units: list[Unit]
    layouts: Layouts
    memory: Memory
    kernels: dict[Kernel, int] = field(default_factory=dict)
    constants: list[Constant] = field(default_factory=list)
    phases: dict[PhaseKey, list[Instruction]] = field(default_factory=dict)
    sums: dict[PhaseKey, list[Sum]] = field(default_factory=dict)

    def entry(self, offsets: Mapping[str, int]) -> Entry:
        """Place everything, emit every unit."""
        graph, memory, units = self.graph, self.memory, self.units
        self.varying = graph.varying()
        self.life = lifetimes(graph, units, self.layouts)
        late = place_updates(graph, units, self.layouts, self.life, offsets, memory)
        place_arrays(graph, units, self.layouts, self.life, memory)
        place_values(graph, units, self.layouts, self.life, memory)
        self._place_constants()
        for u, unit in enumerate(units):
            self._unit(u, unit)
        for id, persistent in late:
            self._late_update(id, Operand(Space.PERSISTENT, offsets[persistent]))
        partial_words = max(memory.partial_words.values(), default=0)
        return Entry(
            name=self.name, graph=self.original, kernels=tuple(self.kernels),
            arrays=tuple(memory.arrays), results=self._results(), constants=tuple(self.constants),
            phases=self._phases(), block=choose_block(memory.block_words, partial_words),
            chunks=choose_chunks(partial_words), uniform_words=memory.uniform_words,
            block_words=memory.block_words, partial_words=partial_words,
        )

    # Storage

    def _place_constants(self) -> None:
        for node in self.graph.nodes:
            if isinstance(node.op, Literal | Iota | ConstantOp) and node.id in self.layouts.places:
                key = self.layouts.places[node.id].storage
                if key in self.life.last:
                    self.memory.operands[key] = self.memory.uniform(node.type.size)
                    value = np.asarray(node.op.reference()[0], float).reshape(-1)
                    self.constants.append(Constant(offset=self.memory.operands[key].offset, value=value))

    def _operand(self, access: Access | Place, written: bool = False) -> Operand:
        table = self.memory.operands
        if written and access.storage in self.memory.partial:
            table = self.memory.partial
        return replace(table[access.storage], inner=access.offset)

    def _results(self) -> tuple[Result, ...]:
        results = []
        for name, id in self.graph.outputs.items():
            if not name.startswith("update/") and id not in self.varying:
                place = self.layouts.places[id]
                operand = self.memory.operands[place.storage]
                assert operand.space == Space.UNIFORM, f"result {name} is not in UNIFORM"
                type = self.graph[id].type
                gaps = None if place.strides == row_major(type.shape) else place.strides
                results.append(Result(name=name, type=type, offset=operand.offset + place.offset, strides=gaps))
        return tuple(results)

    # Units

    def _unit(self, u: int, unit: Unit) -> None:
        node = self.graph[unit.nodes[-1]]
        examples = unit.phase.examples
        match node.op:
            case Contract(operands=(_, _)):
                self._contraction(unit, node)
            case Take() | Scatter() | ArgMax():
                self._gather(unit, node)
            case Concat():
                self._concat(unit, node)
            case _ if is_pointwise(node):
                stored = {id: self.layouts.places[id] for id in self.life.stored[u]}
                nest = pointwise_nest(self.graph, unit.nodes, stored, self.layouts.places, examples)
                self._nest(unit, nest)
            case _:
                place = self.layouts.places[node.id]
                nest, zeroed = reduction_nest(self.graph, unit.nodes, place, self.layouts.places, examples)
                if zeroed:
                    self._fill(unit, place)
                self._nest(unit, nest)
        if examples and node.id not in self.varying:
            key = self.layouts.places[node.id].storage
            words = self.layouts.words[key]
            self.sums.setdefault(unit.phase, []).append(Sum(
                partial=self.memory.partial[key].offset, uniform=self.memory.operands[key].offset, words=words,
            ))

    def _nest(self, unit: Unit, nest: Nest) -> None:
        launch, extent = self._launch(nest), 1
        if not unit.phase.examples and nest.loops and not nest.loops[0].reduces and not nest.positional:
            extent = nest.loops[0].extent
            nest = replace(nest, loops=(replace(nest.loops[0], extent=RANGE), *nest.loops[1:]))
        emitted = emit_nest(nest)
        written = {(a.storage, a.offset) for _, a, _ in nest.stores}
        operands = tuple(self._operand(a, (a.storage, a.offset) in written) for a in emitted.pointers)
        work = int(np.prod([abs(loop.extent) for loop in nest.loops])) * extent
        self._add(unit, Kernel("k0", emitted.source), operands, emitted.geometry, launch, extent, work)

    def _launch(self, nest: Nest) -> Launch:
        emitted = cuda.emit_nest(nest)
        written = {a.storage for _, a, _ in nest.stores}
        return Launch(
            source=emitted.source, geometry=emitted.geometry, pieces=emitted.pieces, each=emitted.each,
            operands=tuple(self._operand(a, a.storage in written) for a in emitted.pointers),
        )

    def _add(
        self, unit: Unit, kernel: Kernel, operands: tuple[Operand, ...], geometry: tuple[int, ...],
        launch: Launch, extent: int = 1, work: int = 0,
    ) -> None:
        number = self.kernels.setdefault(kernel, len(self.kernels))
        node = self.graph[unit.nodes[-1]]
        names = [self.graph[i].op.name for i in unit.nodes]
        self.phases.setdefault(unit.phase, []).append(Instruction(
            kernel=number, operands=operands, geometry=geometry, extent=extent,
            split=extent > 1 and work >= SPLIT_FROM,
            note=f"%{node.id} {' '.join(names)}  {node.span or ''}".strip(), launch=launch,
        ))

    def _fill(self, unit: Unit, place: Place) -> None:
        words, ranged = self.layouts.words[place.storage], int(unit.phase.examples)
        target = replace(self._operand(place, written=True), inner=0)
        launch = self._launch(fill_nest(place.storage, words, unit.phase.examples))
        self._add(unit, Kernel("fill"), (target,), (words, ranged), launch)

    def _contraction(self, unit: Unit, node: Node) -> None:
        op, target = node.op, self.layouts.places[node.id]
        assert isinstance(op, Contract)
        a, b = (self.layouts.places[i] for i in node.inputs)
        (move_a, at_a), (move_b, at_b), (move_y, at_y) = (
            through(m, place, len(op.extents))
            for m, place in ((op.operands[0], a), (op.operands[1], b), (op.result, target))
        )
        trips = [Trip(n, *moves) for n, *moves in zip(op.extents, move_a, move_b, move_y, strict=True)]
        if unit.phase.examples:
            trips.insert(0, Trip(RANGE, a.example, b.example, target.example))
        plan = plan_contraction(trips, accumulate=op.mean, once=not unit.phase.examples)
        if not op.mean and (plan.adds or not covers(op)):
            self._fill(unit, target)
        launch = self._launch(contraction_nest(trips, [(a, at_a), (b, at_b), (target, at_y)], plan.adds))
        operands = [
            replace(self._operand(a), inner=at_a), replace(self._operand(b), inner=at_b),
            replace(self._operand(target, written=True), inner=at_y),
        ]
        if plan.swap:
            operands[:2] = operands[1::-1]
        work = int(np.prod(op.extents))
        self._add(unit, Kernel(plan.kernel), tuple(operands), plan.geometry, launch, plan.extent, work)

    def _gather(self, unit: Unit, node: Node) -> None:
        places = [self.layouts.places[i] for i in (*node.inputs, node.id)]
        if isinstance(node.op, ArgMax):
            shape = self.graph[node.inputs[0]].type.shape
            rows = int(np.prod(shape[:-1]))
            geometry = (rows, shape[-1], places[0].example, places[1].example)
            kernel, source, pieces = Kernel("k0", gather.ARGMAX), cuda_gather.ARGMAX, rows
        else:
            index, first = self.graph[node.inputs[1]].type, self.graph[node.inputs[0]].type
            rows = node.op.rows if isinstance(node.op, Scatter) else first.shape[0]
            width = int(np.prod(node.type.shape[1 if isinstance(node.op, Scatter) else index.rank :]))
            geometry = (index.size, rows, width, places[0].example, width, places[1].example, places[2].example)
            kernel, source = Kernel("k0", gather.TAKE), cuda_gather.TAKE
            pieces = index.size * width
            if isinstance(node.op, Scatter):
                kernel, source, pieces = Kernel("k0", gather.SCATTER), cuda_gather.SCATTER, width
                self._fill(unit, places[2])
        operands = [self._operand(p) for p in places[:-1]] + [self._operand(places[-1], written=True)]
        launch = Launch(
            source=source, operands=tuple(operands), geometry=geometry, pieces=pieces,
            each=unit.phase.examples,
        )
        self._add(unit, kernel, tuple(operands), geometry, launch)

    def _concat(self, unit: Unit, node: Node) -> None:
        assert isinstance(node.op, Concat)
        target, start = self.layouts.places[node.id], 0
        for i in node.inputs:
            shape = self.graph[i].type.shape
            domain = identity(shape, unit.phase.examples)
            part = replace(target, offset=target.offset + start * target.strides[node.op.axis])
            nest = Nest(
                loops=domain.loops(), loads=((f"v{i}", domain.access(self.layouts.places[i], shape)),),
                statements=(), stores=((f"v{i}", domain.access(part, shape), Store.SET),),
            )
            self._nest(unit, merge_loops(nest))
            start += shape[node.op.axis]

    def _late_update(self, id: int, target: Operand) -> None:
        """Copy an update that could not be written in place, after everything else."""
        last = max(self.phases, default=PhaseKey(0, False))
        key = PhaseKey(last.number + 1, False) if last.examples else last
        unit = Unit(key, [id])
        place, shape = self.layouts.places[id], self.graph[id].type.shape
        domain = identity(shape, False)
        store = replace(
            place, storage=("persistent", f"late/{id}"), offset=0, strides=row_major(shape)
        )
        self.memory.operands[store.storage] = target
        nest = merge_loops(Nest(
            loops=domain.loops(), loads=((f"v{id}", domain.access(place, shape)),), statements=(),
            stores=((f"v{id}", domain.access(store, shape), Store.SET),),
        ))
        self._nest(unit, nest)

    def _phases(self) -> tuple[Phase, ...]:
        return tuple(
            Phase(
                examples=key.examples, sums=tuple(self.sums.get(key, ())),
                instructions=tuple(self.phases[key]) if key.examples else _with_barriers(self.phases[key]),
            )
            for key in sorted(self.phases)
        )


def _with_barriers(instructions: list[Instruction]) -> tuple[Instruction, ...]:
    """Keep a barrier only before an instruction that touches words used since the last one.

    Words are compared by whole operands: the last operand of a library kernel, any of a generated one,
    may be written.
    """
    result, touched = [], set()
    for instruction in instructions:
        mine = {(o.space, o.offset) for o in instruction.operands}
        barrier = bool(mine & touched)
        if barrier:
            touched = set()
        touched |= mine
        result.append(replace(instruction, barrier=barrier))
    return tuple(result)
