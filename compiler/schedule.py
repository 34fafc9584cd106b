"""A graph as an `Entry`: the whole schedule, step by step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from gradc_compiler.fusion.groups import fuse
from gradc_compiler.fusion.list_schedule import list_schedule
from gradc_compiler.fusion.stages import Region, Stage, assign_stages
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import Role, is_of
from gradc_compiler.graph.types import Time
from gradc_compiler.machine.cost_model import choose_block, choose_chunks
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CPU, CUDA
from gradc_compiler.memory.allocate import (
    Liveness,
    MemoryPlan,
    Sketch,
    place_arrays,
    place_values,
    sketched,
)
from gradc_compiler.memory.in_place import update_in_place
from gradc_compiler.memory.layout import assign_layouts, row_major
from gradc_compiler.memory.wide_stages import wide_stages
from gradc_compiler.ops.leaf import Constant as ConstantOp
from gradc_compiler.ops.leaf import Iota, Literal
from gradc_compiler.ops.sequence import Length
from gradc_compiler.program.arrays import Result
from gradc_compiler.program.deferred import Deferred, ready
from gradc_compiler.program.entry import ConstantWords, Entry, Operand, Space
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.table import TargetForm, rewrite_for_target, switches_for
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.select.longest_chain import largest_block
from gradc_compiler.select.lower import late_update, lower_unit
from gradc_compiler.select.lowered_once import LoweredOnce
from gradc_compiler.select.share_room import pack_uniform, share_arrays
from gradc_compiler.whole_step.whole_step import fuse_whole_step


def schedule(
    name: str,
    graph: Graph,
    offsets: Mapping[str, int],
    without: Collection[str] = (),
    target: str = CPU,
) -> Entry:
    """The table of a target for a graph whose persistents lie at `offsets`.

    `without` names what is not to be made: see `OPTIONAL` in `compiler/rewrites/table.py`.
    """
    switches = switches_for(target, without)
    ready = rewrite_for_target(graph, switches)
    table, constants = make_table(ready, offsets, switches, target)
    entry = replace(
        _sized(name, graph, table),
        results=_results(table),
        constants=constants,
        recomputed=ready.notes.recomputed,
        applied=switches.applied,
    )
    if not switches.allow("whole-step") or is_large(entry):
        return entry
    whole_step = Deferred(partial(fuse_whole_step, entry, table))
    return replace(entry, deferred_whole_step=whole_step)


def is_large(entry: Entry) -> bool:
    """Whether an entry is surely too large to be a single kernel."""
    return entry.uniform_words >= MACHINE.shared_uniform or entry.wide_block > 0


def _sized(name: str, graph: Graph, table: ProgramBuilder) -> Entry:
    """An entry with a table's instructions, and as much memory and as large blocks as they take."""
    memory, most, recurrent = table.memory, largest_block(table), bool(table.graph.carries)
    partial_words = max(memory.partial_words.values(), default=0)
    return Entry(
        name=name,
        target=table.target,
        deferred_graph=ready(graph),
        kernels=tuple(table.kernels),
        arrays=share_arrays(table),
        results=(),
        constants=(),
        phases=table.phases(),
        block=min(most, usual_block_of(table, partial_words, recurrent)),
        wide_block=min(most, wide_block_of(table)),
        wide_words=memory.wide_words,
        most_block=most,
        chunks=choose_chunks(partial_words, recurrent),
        uniform_words=memory.uniform_words,
        block_words=memory.block_words.get(None, 0),
        partial_words=partial_words,
        times=memory.times,
        time_words=tuple(memory.block_words.get(time, 0) for time in memory.times),
        kept_words=tuple(memory.kept_words.get(time, 0) for time in memory.times),
    )


def usual_block_of(table: ProgramBuilder, partial_words: int, recurrent: bool) -> int:
    """Examples in a block of a stage that is not wide."""
    memory, at_once = table.memory, at_once_of(table.memory, wide=False)
    weights, moved = moved_by(table, wide=False)
    chunks = choose_chunks(partial_words, recurrent)
    return choose_block(
        memory.block_words, partial_words, at_once, recurrent, weights, moved, chunks
    )


def wide_block_of(table: ProgramBuilder) -> int:
    """Examples in a block of a wide stage; 0 where there is none."""
    memory = table.memory
    if not memory.wide:
        return 0
    at_once, (weights, moved) = at_once_of(memory, wide=True), moved_by(table, wide=True)
    chunks = choose_chunks(max(memory.partial_words.values(), default=0), recurrent=False)
    return choose_block({None: memory.wide_words}, 0, at_once, False, weights, moved, chunks)


def at_once_of(memory: MemoryPlan, *, wide: bool) -> int:
    """The most words of an example that a stage has about at one time, of those stages."""
    stages = memory.stage_words.items()
    return max((words for stage, words in stages if (stage in memory.wide) == wide), default=0)


def moved_by(table: ProgramBuilder, *, wide: bool) -> tuple[int, int]:
    """The words that batch stages move for a block, whatever its size, and for each example."""
    chosen = (
        items
        for stage, items in table.instructions.items()
        if stage.examples and (stage in table.memory.wide) == wide
    )
    work = [item.work for items in chosen for item in items]
    return sum(each.words for each in work), sum(each.words_each for each in work)


def make_sketch(graph: Graph, regions: Mapping[int, Region], switches: Switches) -> Sketch:
    """The fusion groups in order, and the layout and life of what each stores."""
    groups = list_schedule(graph, fuse(graph, regions, switches.allow("fusion")))
    switches.count("fusion", sum(len(group.nodes) > 1 for group in groups))
    return sketched(graph, groups, assign_layouts(graph, graph.varying))


def fresh_memory(target: str, times: tuple[Time, ...], wide: frozenset[Stage]) -> MemoryPlan:
    """No words yet.  On a GPU words are copied in fours, and a kernel may go together with the one
    before it.
    """
    if target == CUDA:
        return MemoryPlan(times, wide=wide, grain=MACHINE.gpu_grain, rest=MACHINE.gpu_rest)
    return MemoryPlan(times, wide=wide)


def make_table(
    ready: TargetForm, offsets: Mapping[str, int], switches: Switches, target: str = CPU
) -> tuple[ProgramBuilder, tuple[ConstantWords, ...]]:
    """All instructions, and the constants they read."""
    graph = ready.graph
    regions = assign_stages(graph, switches)
    sketch = make_sketch(graph, regions, switches)
    memory = fresh_memory(target, times_of(graph), wide_stages(sketch, switches))
    late = update_in_place(sketch, offsets, memory)
    place_arrays(sketch, memory)
    place_values(sketch, memory)
    table = ProgramBuilder(
        graph, regions, sketch.layouts, memory, ready.notes.needed, switches, target
    )
    constants = _place_constants(table, sketch.life)
    many = target == CPU and len(sketch.groups) >= MACHINE.patterned_groups
    lower = LoweredOnce(table).lower if many else partial(lower_unit, table)
    for u, unit in enumerate(sketch.groups):
        lower(unit, sketch.life.stored[u])
    for id, persistent in late:
        late_update(table, id, Operand(Space.PERSISTENT, offsets[persistent]))
    if memory.uniform_words >= MACHINE.shared_uniform:
        constants = pack_uniform(table, constants)
    return table, constants


def times_of(graph: Graph) -> tuple[Time, ...]:
    """The times that a graph's nodes are about, in order of appearance."""
    measured = (n.op.time for n in graph.nodes if isinstance(n.op, Length))
    own = (n.type.time for n in graph.nodes if n.type.time is not None)
    return tuple(dict.fromkeys([*own, *measured]))


def _place_constants(table: ProgramBuilder, life: Liveness) -> tuple[ConstantWords, ...]:
    """Words for the constant tensors that some kernel reads as a tensor."""
    constants = []
    for node in table.graph.nodes:
        key = table.layouts.places[node.id].storage
        if isinstance(node.op, Literal | Iota | ConstantOp) and key in life.last:
            operand = table.memory.operands[key] = table.memory.uniform(node.type.size)
            constants.append(ConstantWords(offset=operand.offset, value=_numbers(node.op)))
    return tuple(constants)


def _numbers(op: Literal | Iota | ConstantOp) -> np.ndarray | range:
    """The numbers of a constant, in no more memory than its operator has."""
    match op:
        case Literal(values=values):
            return np.array(values, float)
        case Iota(size=size):
            return range(size)
        case ConstantOp(value=value):
            return np.broadcast_to(np.float64(value), (prod(op.shape),))


def _results(table: ProgramBuilder) -> tuple[Result, ...]:
    """The uniform outputs, which are copies of their own."""
    varying, results = table.graph.varying, []
    for name, id in table.graph.results.items():
        if is_of(Role.UPDATE, name) or id in varying:
            continue
        place, type = table.layouts.places[id], table.graph[id].type
        operand = table.memory.operands[place.storage]
        assert operand.space == Space.UNIFORM, f"result {name} is not in UNIFORM"
        gaps = None if place.strides == row_major(type.shape) else place.strides
        offset = operand.offset + place.offset
        results.append(Result(name=name, type=type, offset=offset, strides=gaps))
    return tuple(results)
