"""A spec's entry as readable source is printed from it: stages of nests, and their buffers.

The table is made as for a CPU, but without changes made for speed alone (another form of a
convolution, weights packed for vectors): so a nest is what the author wrote, as loops.  C and Numba
modules are both printed from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from gradc_compiler.emitted.see_through import see_through_copies
from gradc_compiler.fusion.stages import Stage
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.outputs import OutputKey, Role, Tagged, is_of
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.loops.ir import LoopNest, MemAccess
from gradc_compiler.machine.targets import CPU
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.ops.leaf import Constant, Iota, Literal
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import RecurrenceLoop, Space
from gradc_compiler.program.program import Persistent
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import FORMS, rewrite_for_target, switches_for
from gradc_compiler.schedule import make_table
from gradc_compiler.select.builder import ProgramBuilder

PLACE = re.compile(r"(\S+):(\d+):\d+$")
LONGEST = 80  # characters of a line of the spec
PLAIN = (*FORMS, "unroll-constant-matmul", "delay-reduction", "wide-stages", "whole-step")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainNest:
    """A nest; what it computes, and where that was written; and which rows its outer loop is over:
    those of a time, in a recurrence those of one step at a time.
    """

    nest: LoopNest
    note: str
    time: Time | None = None
    loop: RecurrenceLoop | None = None


@dataclass(frozen=True, slots=True)
class PlainStage:
    """Nests in order, of every example in turn or once; and the sums that become means after."""

    stage: Stage
    nests: tuple[PlainNest, ...]
    means: tuple[StorageKey, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Where the words of a storage are: in an argument, the state, a constant, or the memory."""

    kind: str  # "input", "output", "clock", "persistent", "constant", "carried" or "memory"
    name: str
    words: int  # of an example, where there is one for each
    index: bool = False
    rows: bool = False  # whether there is one for each example, or element of a sequence
    time: Time | None = None  # whose elements


@dataclass(frozen=True)
class PlainProgram:
    """One entry, ready to be printed."""

    table: ProgramBuilder
    stages: tuple[PlainStage, ...]
    persistents: Mapping[str, Persistent]

    @property
    def nests(self) -> Iterator[LoopNest]:
        """All nests in order."""
        return (one.nest for stage in self.stages for one in stage.nests)

    @property
    def graph(self) -> Graph:
        """The graph that the nests are of."""
        return self.table.graph

    def arrays(self, role: str) -> list[Array]:
        """The arrays that the entry reads or gives for each example."""
        return [array for array in self.table.memory.arrays if array.role == role]

    @cached_property
    def results(self) -> dict[OutputKey, int]:
        """The results given once for all examples, such as a loss, with their nodes."""
        varying = self.graph.varying
        found = self.graph.results.items()
        return {k: i for k, i in found if i not in varying and not is_of(Role.UPDATE, k)}

    @cached_property
    def constants(self) -> dict[StorageKey, np.ndarray]:
        """The constant tensors that some nest reads, by their storage."""
        read = {a.storage for nest in self.nests for a in nest.accesses()}
        found = {}
        for node in self.graph.nodes:
            key = self.table.layouts.places[node.id].storage
            if isinstance(node.op, Constant | Iota | Literal) and key in read:
                found[key] = _numbers(node)
        return found

    def buffer(self, key: StorageKey) -> Buffer:
        """The buffer in which a storage lies."""
        words = self.table.layouts.words.get(key, 0)
        if key in self.constants:
            return Buffer("constant", str(key[1]), words)
        if key[0] == "persistent":
            type = self.persistents[str(key[1])].type
            return Buffer("persistent", str(key[1]), type.size, type.kind is Kind.INDEX)
        operand = self.table.memory.operands[key]
        times = self.table.memory.times
        time = None if operand.time is None else times[operand.time]
        if operand.space >= Space.ARRAY:
            array = self.table.memory.arrays[operand.space - Space.ARRAY]
            words, name = max(words, array.type.size), str(array.name)
            index = array.type.kind is Kind.INDEX
            return Buffer(array.role, name, words, index, rows=True, time=time)
        rows = operand.space == Space.BLOCK
        return Buffer("memory", str(key[1]), words, rows=rows, time=time)


def plain_program(made: Compilation, entry: str) -> PlainProgram:
    """An entry of a spec, ready to be printed."""
    by_offset = {p.offset: p for p in made.program.persistents}
    switches = switches_for(CPU, {*made.without, *PLAIN})
    ready = rewrite_for_target(made.optimised[entry], switches)
    table, _ = make_table(ready, {p.name: p.offset for p in made.program.persistents}, switches)
    stages = tuple(_stages(table, {offset: p.name for offset, p in by_offset.items()}))
    kept = _see_through(table, stages)
    return PlainProgram(table, kept, {p.name: p for p in by_offset.values()})


def _stages(table: ProgramBuilder, names: Mapping[int, str]) -> Iterator[PlainStage]:
    """The stages; what lies in the state is called so, whichever node it is."""
    for stage in sorted(table.nests):
        own = [_in_state(table, nest, names) for nest in table.nests[stage]]
        stored = {a.storage for nest in own for _, a, _ in nest.stores}
        means = tuple(key for key in table.memory.partial if key in stored and stage.examples)
        loops = {
            at: loop
            for loop in table.loops.get(stage, {}).values()
            for at in range(loop.start, loop.start + loop.count)
        }
        times = table.memory.times
        nests = tuple(
            PlainNest(
                nest=nest,
                note=instruction.note,
                time=None if instruction.time is None else times[instruction.time],
                loop=loops.get(k),
            )
            for k, (nest, instruction) in enumerate(
                zip(own, table.instructions[stage], strict=True)
            )
        )
        yield PlainStage(stage, nests, means)


def _in_state(table: ProgramBuilder, nest: LoopNest, names: Mapping[int, str]) -> LoopNest:
    def placed(access: MemAccess) -> MemAccess:
        operand = table.memory.operands.get(access.storage)
        if operand is None or operand.space != Space.PERSISTENT:
            return access
        return replace(access, storage=("persistent", names[operand.offset]))

    return replace(
        nest,
        loads=tuple((v, placed(a)) for v, a in nest.loads),
        stores=tuple((v, placed(a), s) for v, a, s in nest.stores),
    )


def _see_through(table: ProgramBuilder, stages: tuple[PlainStage, ...]) -> tuple[PlainStage, ...]:
    """The stages without nests that only copy weights to another layout."""
    flat = [one.nest for stage in stages for one in stage.nests]
    kept = iter(see_through_copies(flat, {*table.memory.partial}))
    found = []
    for stage in stages:
        pairs = [(one, next(kept)) for one in stage.nests]
        nests = tuple(replace(one, nest=nest) for one, nest in pairs if nest is not None)
        found.append(replace(stage, nests=nests))
    return tuple(stage for stage in found if stage.nests)


def _numbers(node: Node) -> np.ndarray:
    """The numbers of a constant tensor, one after another."""
    match node.op:
        case Literal(values=values):
            return np.array(values, float).reshape(-1)
        case Iota(size=size):
            return np.arange(float(size))
        case Constant(value=value):
            return np.full(node.type.size, value)
    raise AssertionError(f"{node.op.name} is no constant")


def about(key: OutputKey) -> str:
    """The name of an output."""
    return key.about if isinstance(key, Tagged) else str(key)


def origin(note: str, source: str, spec: str) -> tuple[int | None, str]:
    """The line of the spec that a nest comes of, if it is one; and that line and its operators."""
    operators = note.partition("  ")[0].partition(" ")[2]
    found = PLACE.search(note)
    if found is None or not found[1].endswith(spec):
        return None, operators
    number = int(found[2])
    line = source.splitlines()[number - 1].partition("#")[0].strip()
    line = line if len(line) < LONGEST else f"{line[:LONGEST]} ..."
    return number, f"line {number}: {line}   [{operators}]"
