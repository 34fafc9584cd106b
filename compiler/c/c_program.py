"""A spec's entry as what C is printed of: stages of nests, and where each buffer is.

The table is made as for a CPU, but without what only makes it fast there (another form of a
convolution, weights packed for vectors): so a nest is what the author wrote, as loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from gradc_compiler.c.c_scalar import NotPrinted
from gradc_compiler.c.see_through import see_through_copies
from gradc_compiler.fusion.stages import Stage
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.outputs import OutputKey, Role, Tagged, is_of
from gradc_compiler.loops.ir import BY_HAND, LoopNest, MemAccess, Store
from gradc_compiler.machine.targets import CPU
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.ops.leaf import Constant, Iota, Literal
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Space
from gradc_compiler.program.program import Persistent
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import FORMS, rewrite_for_target, switches_for
from gradc_compiler.schedule import make_table
from gradc_compiler.select.builder import ProgramBuilder

PLAIN = (*FORMS, "unroll-constant-matmul", "delay-reduction", "whole-step")  # what is off


@dataclass(frozen=True, slots=True)
class CStage:
    """Nests in order, of every example in turn or once; and the sums that become means after."""

    stage: Stage
    nests: tuple[LoopNest, ...]
    notes: tuple[str, ...]  # of each: what it computes, and where that was written
    means: tuple[StorageKey, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Where the words of a storage are: in an argument, the state, a constant, or the memory."""

    kind: str  # "input", "output", "persistent", "constant", "carried" or "memory"
    name: str
    words: int  # of an example, where there is one for each
    index: bool = False


@dataclass(frozen=True)
class CProgram:
    """One entry, ready to be printed."""

    table: ProgramBuilder
    stages: tuple[CStage, ...]
    persistents: Mapping[str, Persistent]

    @property
    def graph(self) -> Graph:
        """The graph that the nests are of."""
        return self.table.graph

    def arrays(self, role: str) -> list[Array]:
        """What it reads or gives for each example."""
        return [array for array in self.table.memory.arrays if array.role == role]

    @cached_property
    def results(self) -> dict[OutputKey, int]:
        """What it gives once for all examples, by the node: a loss, reports."""
        varying = self.graph.varying()
        found = self.graph.results.items()
        return {k: i for k, i in found if i not in varying and not is_of(Role.UPDATE, k)}

    @cached_property
    def constants(self) -> dict[StorageKey, np.ndarray]:
        """The constant tensors that some nest reads, by their storage."""
        read = {a.storage for stage in self.stages for n in stage.nests for a in n.accesses()}
        found = {}
        for node in self.graph.nodes:
            key = self.table.layouts.places[node.id].storage
            if isinstance(node.op, Constant | Iota | Literal) and key in read:
                found[key] = _numbers(node)
        return found

    def buffer(self, key: StorageKey) -> Buffer:
        """Where a storage is; raises `NotPrinted` where no C can have it."""
        words = self.table.layouts.words.get(key, 0)
        if key[0] == "input":
            return Buffer("input", str(key[1]), words)
        if key in self.constants:
            return Buffer("constant", str(key[1]), words)
        if key[0] == "persistent":
            return Buffer("persistent", str(key[1]), self.persistents[str(key[1])].type.size)
        operand = self.table.memory.operands[key]
        if operand.space >= Space.ARRAY:
            array = self.table.memory.arrays[operand.space - Space.ARRAY]
            if array.role not in ("output", "carried"):
                raise NotPrinted("sequences have no C yet")
            return Buffer(array.role, str(array.name), words)
        return Buffer("memory", str(key[1]), words)


def c_program(made: Compilation, entry: str) -> CProgram:
    """An entry of a spec, ready to be printed.

    Raises `NotPrinted` for one that has no C yet.
    """
    offsets = {p.name: p.offset for p in made.program.persistents}
    switches = switches_for(CPU, {*made.without, *PLAIN})
    ready = rewrite_for_target(made.optimised[entry], switches)
    table, _ = make_table(ready, offsets, switches)
    if table.memory.times:
        raise NotPrinted("sequences have no C yet")
    by_offset = {p.offset: p for p in made.program.persistents}
    stages = tuple(_stages(table, {offset: p.name for offset, p in by_offset.items()}))
    for stage in stages:
        for nest in stage.nests:
            _require_plain(stage, nest)
    return CProgram(table, see_through(table, stages), {p.name: p for p in by_offset.values()})


def _stages(table: ProgramBuilder, names: Mapping[int, str]) -> Iterator[CStage]:
    """The stages; what lies in the state is called so, whichever node it is."""
    for stage in sorted(table.nests):
        nests = tuple(_in_state(table, nest, names) for nest in table.nests[stage])
        stored = {a.storage for nest in nests for _, a, _ in nest.stores}
        means = tuple(key for key in table.memory.partial if key in stored and stage.examples)
        yield CStage(stage, nests, tuple(i.note for i in table.instructions[stage]), means)


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


def see_through(table: ProgramBuilder, stages: tuple[CStage, ...]) -> tuple[CStage, ...]:
    """The stages without the copies of weights that only lie otherwise."""
    flat = [nest for stage in stages for nest in stage.nests]
    kept = iter(see_through_copies(flat, {*table.memory.partial}))
    found = []
    for stage in stages:
        pairs = [(nest, note) for note, nest in zip(stage.notes, kept, strict=False) if nest]
        nests, notes = zip(*pairs, strict=True) if pairs else ((), ())
        found.append(replace(stage, nests=tuple(nests), notes=tuple(notes)))
    return tuple(stage for stage in found if stage.nests)


def _require_plain(stage: CStage, nest: LoopNest) -> None:
    """Raises `NotPrinted` for a nest of a kind that has no C yet."""
    stores = {store for _, _, store in nest.stores}
    if stores & (BY_HAND - {Store.ARGMAX}):
        raise NotPrinted("orders and running sums have no C yet")
    if nest.body or nest.lanes > 1 or nest.walk or any(a.row for a in nest.accesses()):
        raise NotPrinted("sequences have no C yet")
    if any(loop.over_rows for loop in nest.loops) != stage.stage.examples:
        raise NotPrinted("a sum over a whole batch has no C yet")
    over_examples = [loop.reduces for loop in nest.loops if loop.over_rows]
    if any(over_examples) and not stores <= {Store.SUM_ADD, Store.ADD, Store.LOST, Store.PAIR}:
        raise NotPrinted("a sum over a whole batch has no C yet")


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
    """What an output is called."""
    return key.about if isinstance(key, Tagged) else str(key)
