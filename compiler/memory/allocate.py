"""Register allocation for memory: which words each buffer gets.

Values of the examples in a tile share one block of memory (`Space.BLOCK`).  The words of a buffer
are given to another as soon as its last reader has run (*liveness*), which keeps the block small
enough for a cache.  A buffer with a halo has words of its own for good, since its zeros must stay.
Values that a later stage reads cannot lie in a block, which the next tile overwrites: they are
carried in arrays over the whole batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from gradc_compiler.fusion.groups import FusionGroup, is_alias, is_pointwise, is_reduction, reads
from gradc_compiler.fusion.stages import Region, Stage
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.memory.free_list import FreeList, whole
from gradc_compiler.memory.layout import Layouts, StorageKey
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.program.arrays import Array, ArrayName
from gradc_compiler.program.entry import Operand, Space, StepMemory
from gradc_compiler.records.fast_dataclass import dataclass

ALIGN = MACHINE.line  # words: one cache line of float32
Pools = defaultdict[Time | None, FreeList]  # free words, per row of each time


@dataclass
class MemoryPlan:
    """The operand of each buffer, and how many words each space has."""

    times: tuple[Time, ...] = ()
    operands: dict[StorageKey, Operand] = field(default_factory=dict)
    partial: dict[StorageKey, Operand] = field(default_factory=dict)  # where means are added up
    arrays: list[Array] = field(default_factory=list)
    uniform_words: int = 0
    block_words: dict[Time | None, int] = field(default_factory=dict)  # per row of each time
    wide: frozenset[Stage] = frozenset()  # stages with blocks of their own (`wide_stages.py`)
    grain: int = 1  # words of BLOCK, of which a value takes a multiple
    rest: int = 0  # groups between the last that reads words of BLOCK and the next that has them
    wide_words: int = 0  # of the BLOCK of wide stages, per example
    kept_words: dict[Time | None, int] = field(default_factory=dict)  # without `Liveness.steps`
    partial_words: dict[Stage, int] = field(default_factory=dict)
    stage_words: dict[Stage, int] = field(default_factory=dict)  # of BLOCK that a stage uses

    def uses(self, stage: Stage, words: int) -> None:
        """Note that a stage keeps `words` words of an example alive at one time."""
        self.stage_words[stage] = max(self.stage_words.get(stage, 0), words)

    def reached(self, stage: Stage, time: Time | None) -> int:
        """How many words of its part of BLOCK a stage has taken so far, per row."""
        return self.wide_words if stage in self.wide else self.block_words.get(time, 0)

    def reaches(self, stage: Stage, time: Time | None, words: int) -> None:
        """Let a stage's part of BLOCK have at least `words` words per row."""
        if stage in self.wide:
            self.wide_words = max(self.wide_words, words)
        else:
            self.block_words[time] = max(self.block_words.get(time, 0), words)

    def uniform(self, words: int) -> Operand:
        """Take `words` new words in UNIFORM; returns the operand that lies there."""
        offset, self.uniform_words = self.uniform_words, self.uniform_words + whole(ALIGN, words)
        return Operand(Space.UNIFORM, offset)

    def array(self, name: ArrayName, role: str, type: TensorType) -> Operand:
        """A new array over the batch, or over the elements of its sequences."""
        self.arrays.append(Array(name=name, role=role, type=type))
        time = self.number(type.time)
        return Operand(Space.ARRAY + len(self.arrays) - 1, 0, type.size, time=time)

    def number(self, time: Time | None) -> int | None:
        """The place of a time in the entry's list of times; None for no time."""
        return None if time is None else self.times.index(time)

    def block(self, time: Time | None, offset: int, words: int) -> Operand:
        """Words in BLOCK at an offset, which counts words per example or, with a time, per row."""
        return Operand(Space.BLOCK, offset, time=self.number(time), words=words)


@dataclass(frozen=True)
class Liveness:
    """Which nodes are stored, and for how long: groups stand for points in time, by number."""

    made: Mapping[int, int]  # node -> the group that computes it
    last: Mapping[StorageKey, int]  # buffer -> the last group that reads it
    stored: Mapping[int, list[int]]  # group -> its nodes that get words
    steps: frozenset[StorageKey]  # buffers that a step of a recurrence writes and alone reads

    @cached_property
    def ending(self) -> Mapping[int, list[StorageKey]]:
        """For each group, the buffers that it is the last to read."""
        ending = defaultdict[int, list[StorageKey]](list)
        for key, end in self.last.items():
            ending[end].append(key)
        return ending


def liveness_of(graph: Graph, groups: Sequence[FusionGroup], layouts: Layouts) -> Liveness:
    """Which nodes are read outside their group, and until when.

    A value that a recurrence reads is kept until its last group, as every step reads it again.
    """
    made = {id: u for u, group in enumerate(groups) for id in group.nodes}
    ends = {group.region: u for u, group in enumerate(groups) if group.region.loop is not None}
    last: dict[StorageKey, int] = {}
    regions: dict[StorageKey, set[Region | None]] = defaultdict(set)
    needed = set(graph.outputs.values()) | {group.nodes[-1] for group in groups}
    for u, group in enumerate(groups):
        for id in group.nodes:
            for operand in reads(graph, id):
                place = layouts.places[operand]
                carried = operand not in graph[id].inputs
                if carried or (made.get(operand) != u and not _written_out(graph, id, operand)):
                    last[place.storage] = max(last.get(place.storage, 0), ends.get(group.region, u))
                    regions[place.storage].add(None if carried else group.region)
                    needed.add(_source(graph, operand))
    stored = {u: [id for id in group.nodes if id in needed] for u, group in enumerate(groups)}
    for u, ids in stored.items():
        for id in ids:
            regions[layouts.places[id].storage].add(groups[u].region)
    for id in graph.results.values():
        regions[layouts.places[id].storage].add(None)
    alone = {key: found.pop() for key, found in regions.items() if len(found) == 1}
    steps = {key for key, own in alone.items() if own is not None and own.loop is not None}
    return Liveness(made, last, stored, frozenset(steps - layouts.bordered))


def _source(graph: Graph, id: int) -> int:
    """The node that a chain of views begins with."""
    while is_alias(graph, graph[id]):
        (id,) = graph[id].inputs
    return id


def _written_out(graph: Graph, reader: int, operand: int) -> bool:
    """Whether an operand is a constant that stands in its reader's text and needs no words."""
    loops = is_pointwise(graph[reader]) or is_reduction(graph[reader])
    return isinstance(graph[operand].op, Constant) and loops


@dataclass(frozen=True)
class Sketch:
    """What allocation begins with: the groups in order, and each value's layout and lifetime."""

    graph: Graph
    groups: Sequence[FusionGroup]
    layouts: Layouts
    life: Liveness

    @cached_property
    def varying(self) -> frozenset[int]:
        """The nodes that differ from example to example."""
        return self.graph.varying

    def key(self, id: int) -> StorageKey:
        """The buffer that a node lies in."""
        return self.layouts.places[id].storage

    def stored(self) -> Iterator[tuple[int, int, StorageKey]]:
        """Group, node and buffer of every node that gets words."""
        for u, ids in self.life.stored.items():
            yield from ((u, id, self.key(id)) for id in ids)


def sketched(graph: Graph, groups: Sequence[FusionGroup], layouts: Layouts) -> Sketch:
    """The `Sketch` of a graph whose fusion groups are already in the order they run in."""
    return Sketch(graph, groups, layouts, liveness_of(graph, groups, layouts))


def place_arrays(sketch: Sketch, memory: MemoryPlan) -> None:
    """Give arrays to inputs, to outputs, and to what one stage carries to a later one."""
    graph, groups = sketch.graph, sketch.groups
    for node in graph.nodes:
        if node.op.name == "input":
            key = sketch.key(node.id)
            if key not in memory.operands:
                memory.operands[key] = memory.array(str(key[1]), "input", node.type)
    for name, id in graph.results.items():
        if id in sketch.varying:
            memory.operands[sketch.key(id)] = memory.array(name, "output", graph[id].type)
    for u, id, key in sketch.stored():
        end = sketch.life.last.get(key, u)
        carried = id in sketch.varying and groups[end].phase != groups[u].phase
        if carried and key not in memory.operands:
            type = replace(graph[id].type, shape=(sketch.layouts.words[key],), classes=None)
            memory.operands[key] = memory.array(f"%{id}", "carried", type)


def place_values(sketch: Sketch, memory: MemoryPlan) -> None:
    """Give words in BLOCK, UNIFORM and PARTIAL to everything that is not in an array."""
    free: Pools = defaultdict(FreeList)
    for u, group in enumerate(sketch.groups):
        if u and sketch.groups[u - 1].phase != group.phase:
            free.clear()
        for id in sketch.life.stored[u]:
            _place(sketch, memory, free, group, id)
        for time, pool in free.items():
            memory.reaches(group.phase, time, pool.top)
        memory.uses(group.phase, free[None].top if None in free else 0)
        if u >= memory.rest and sketch.groups[u - memory.rest].phase == group.phase:
            _release(sketch, memory, free, u - memory.rest)
    _pin_bordered(sketch, memory)
    memory.kept_words = dict(memory.block_words)
    for _, id, key in sketch.stored():
        if key in sketch.life.steps and memory.operands[key].step is None:
            _place_step(memory, key, sketch.graph[id].type.time, sketch.layouts.words[key])


def _place(sketch: Sketch, memory: MemoryPlan, free: Pools, group: FusionGroup, id: int) -> None:
    """Give words to a value that has none yet; `_pin_bordered` sees to values with a halo."""
    key = sketch.key(id)
    words = sketch.layouts.words[key]
    if key in memory.operands:
        return
    if id not in sketch.varying:
        memory.operands[key] = memory.uniform(words)
        if group.phase.examples:
            _partial(memory, key, group.phase, words)
    elif key not in sketch.layouts.bordered:
        time = None if key in sketch.life.steps else sketch.graph[id].type.time
        memory.operands[key] = memory.block(
            time, free[time].take(whole(memory.grain, words)), words
        )


def _release(sketch: Sketch, memory: MemoryPlan, free: Pools, u: int) -> None:
    """Give back the words in BLOCK of the buffers that a group was the last to read."""
    for key in sketch.life.ending.get(u, ()):
        operand = memory.operands.get(key)
        if operand is not None and operand.space == Space.BLOCK:
            time = None if operand.time is None else memory.times[operand.time]
            free[time].give(operand.offset, whole(memory.grain, sketch.layouts.words[key]))


def _place_step(memory: MemoryPlan, key: StorageKey, time: Time | None, words: int) -> None:
    """Give a buffer that only one step of a recurrence uses words for the rows of all steps as
    well: a target such as CUDA does not run a recurrence step by step.
    """
    start = memory.block_words.get(time, 0)
    memory.block_words[time] = start + whole(memory.grain, words)
    step = StepMemory(memory.operands[key].offset, words)
    memory.operands[key] = replace(memory.block(time, start, words), step=step)


def _partial(memory: MemoryPlan, key: StorageKey, phase: Stage, words: int) -> None:
    offset = memory.partial_words.get(phase, 0)
    memory.partial[key] = Operand(Space.PARTIAL, offset)
    memory.partial_words[phase] = offset + whole(ALIGN, words)


def _pin_bordered(sketch: Sketch, memory: MemoryPlan) -> None:
    """Give values with a halo words of their own, since its zeros must stay."""
    for u, id, key in sketch.stored():
        if id in sketch.varying and key not in memory.operands:
            time, stage = sketch.graph[id].type.time, sketch.groups[u].phase
            start, words = memory.reached(stage, time), sketch.layouts.words[key]
            memory.uses(stage, memory.stage_words.get(stage, 0) + words)
            memory.operands[key] = memory.block(time, start, words)
            memory.reaches(stage, time, start + whole(memory.grain, words))
