"""The instruction builder: an entry's table while it grows, and the kernels that it shares.

`ProgramBuilder` knows where every value lies; `lower.py` tells it what to compute.  Kernels with
the same text are one kernel, which many instructions call with other operands and arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from math import prod

from gradc_compiler.fusion.groups import FusionGroup
from gradc_compiler.fusion.stages import Region, Stage
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.loops.chain_lengths import chain_of
from gradc_compiler.loops.ir import LoopNest, MemAccess
from gradc_compiler.loops.loop_passes import run_loop_passes
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.machine.targets import CPU, CUDA
from gradc_compiler.memory.allocate import MemoryPlan
from gradc_compiler.memory.coalesce_reductions import coalesce_reductions
from gradc_compiler.memory.layout import BufferView, Layouts, StorageKey
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.printing.cpu_printer import print_cpu_nest
from gradc_compiler.printing.tile_plan import Precision
from gradc_compiler.program.arrays import ClockName
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import (
    Instruction,
    Kernel,
    Launch,
    OpCost,
    Operand,
    PartialReduction,
    Phase,
    RecurrenceLoop,
)
from gradc_compiler.program.inner_cut import InnerCut
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.select.device_nests import fill_nest, sums_over_time, walk_nest
from gradc_compiler.select.fuse_launches import fuse_launches
from gradc_compiler.select.inner_cuts import inner_cuts
from gradc_compiler.select.launch import LaunchDraft, drafted, mapped, operands_of, placed
from gradc_compiler.select.nests import Nests
from gradc_compiler.select.one_recurrence import in_one_kernel
from gradc_compiler.select.op_cost import cost_of
from gradc_compiler.select.outer_cut import cut_outer
from gradc_compiler.select.tile_chain import TileChain, TileUse

NOTHING = OpCost()
SPLIT_FROM = MACHINE.split_iterations  # iterations that are worth a second thread


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCall:
    """A kernel and what it is called with; `nest` is what it means, as loops."""

    kernel: Kernel
    operands: tuple[Operand, ...]
    geometry: tuple[int, ...]
    launch: LaunchDraft | Deferred[Launch] | None
    nest: LoopNest
    extent: int = 1  # iterations of the loop that may be divided over threads
    iterations: int = 0  # of all loops together
    follows: bool = False
    work: OpCost = NOTHING
    added: int = 0  # how often each row adds to a word of memory
    cuts: tuple[InnerCut, ...] = ()


@dataclass
class ProgramBuilder:
    """Kernels in order of first use; instructions, recurrences and sums of each stage."""

    graph: Graph
    regions: Mapping[int, Region]
    layouts: Layouts
    memory: MemoryPlan
    needed: Mapping[int, int]  # how many products some contractions need, by the node's tag
    switches: Switches = field(default_factory=Switches)
    target: str = CPU
    kernels: dict[Kernel, int] = field(default_factory=dict)
    instructions: dict[Stage, list[Instruction]] = field(default_factory=dict)
    nests: dict[Stage, Nests] = field(default_factory=dict)  # of each of them
    drafts: dict[Stage, list[LaunchDraft | None]] = field(default_factory=dict)  # for CUDA
    loops: dict[Stage, dict[Region, RecurrenceLoop]] = field(default_factory=dict)
    sums: dict[Stage, list[PartialReduction]] = field(default_factory=dict)
    pieces: TileChain | None = None

    def operand(self, access: MemAccess | BufferView, written: bool = False) -> Operand:
        """The operand of an access or view; a mean that is `written` goes to its partial sum."""
        table = self.memory.operands
        if written and access.storage in self.memory.partial:
            table = self.memory.partial
        clock = access.storage[1]
        if isinstance(clock, ClockName) and access.storage not in table:
            table[access.storage] = self._clock(clock)
        found = table[access.storage]
        return found if found.inner == access.offset else replace(found, inner=access.offset)

    def _clock(self, name: ClockName) -> Operand:
        """An index array of packed sequences, which the runtime fills."""
        rows = None if name.kind in ("length", "first", "last") else name.time
        return self.memory.array(name, "clock", TensorType((), Kind.INDEX, time=rows))

    def optimise(self, nest: LoopNest, passes: Sequence[str]) -> LoopNest:
        """A nest after passes, verified against the words of the buffers."""
        return run_loop_passes(nest, passes, self.switches, self.layouts.words)

    def nest(self, unit: FusionGroup, nest: LoopNest, products: int | None = None) -> None:
        """Add a generated kernel, of which threads may divide the outermost loop in a serial stage.
        `products` is how many products the result needs, if the kernel computes more or fewer.
        """
        launch = self.launch(nest, unit.region.time)
        extent, cut = (1, nest) if unit.phase.examples else cut_outer(nest)
        in_place = self.in_place(cut)
        emitted = print_cpu_nest(in_place)
        written = {_place(a) for _, a, _ in nest.stores}
        self.add(
            unit,
            KernelCall(
                kernel=Kernel("k0", emitted.source),
                operands=tuple(self.operand(a, _place(a) in written) for a in emitted.pointers),
                geometry=emitted.geometry,
                launch=launch,
                extent=extent,
                iterations=prod(abs(loop.extent) for loop in cut.loops) * extent,
                follows=self.follows(unit, cut, extent),
                work=cost_of(nest, self.layouts.words, products),
                nest=nest,
                added=chain_of(nest, rows=2).added - chain_of(nest, rows=1).added,
                cuts=inner_cuts(in_place, emitted),
            ),
        )

    def follows(self, unit: FusionGroup, nest: LoopNest, extent: int) -> bool:
        """Whether a nest may run tile by tile with the instructions before it."""
        if self.pieces is None or len(nest.loops) != 1:
            return False
        return self.pieces.admits(unit.phase, extent, self.tile_uses(nest))

    def tile_uses(self, nest: LoopNest) -> list[TileUse]:
        """How one iteration of a nest's only loop uses each operand."""
        stored = {id(access) for _, access, _ in nest.stores}
        return [TileUse(self.operand(a), a.moves[0], id(a) in stored) for a in nest.accesses()]

    def in_place(self, nest: LoopNest) -> LoopNest:
        """The nest with one name for a storage that is loaded and stored to under two names.

        Then one pointer serves both, and LLVM sees that a load and a store meet at the same
        element.  Of two pointers with one address it would have to assume the worst, and make a
        loop without vectors.
        """
        loaded = {self.operand(a): a.storage for _, a in nest.loads}
        stores = tuple(
            (v, replace(a, storage=loaded.get(self.operand(a, True), a.storage)), s)
            for v, a, s in nest.stores
        )
        return replace(nest, stores=stores)

    def launch(
        self, nest: LoopNest, time: Time | None, precision: Precision = Precision.FLOAT32
    ) -> LaunchDraft | None:
        """The same loops, over the rows of a time or over examples, as one CUDA kernel.

        Other targets have no such kernel, but give arrays of clocks the same numbers.
        """
        if time is not None and sums_over_time(nest):
            nest, time = walk_nest(nest, time), None
        operands = operands_of(nest, self.operand)
        if self.target != CUDA:
            return None
        return drafted(mapped(nest), operands, self.memory, time, self.switches, precision)

    def add(self, unit: FusionGroup, call: KernelCall) -> None:
        """Append one call of a kernel to a group's stage."""
        self.nests.setdefault(unit.phase, Nests()).append(call.nest)
        self._go_on(call)
        instructions = self.instructions.setdefault(unit.phase, [])
        if unit.region.loop is not None:
            self._extend_loop(unit.region, len(instructions))
        split = call.extent > 1 and call.iterations >= SPLIT_FROM
        instructions.append(
            Instruction(
                kernel=self.kernels.setdefault(call.kernel, len(self.kernels)),
                operands=call.operands,
                geometry=call.geometry,
                writes=self._writes(call),
                extent=call.extent,
                split=split,
                follows=call.follows and split and instructions[-1].split,
                note=self.note(unit),
                deferred_launch=self._launched(unit.phase, call.launch),
                time=self.memory.number(unit.region.time),
                work=call.work,
                added=call.added,
                cuts=call.cuts,
            )
        )

    def _launched(
        self, stage: Stage, launch: LaunchDraft | Deferred[Launch] | None
    ) -> Deferred[Launch] | None:
        """The kernel of a call, whose draft is kept until the stage is whole."""
        draft = launch if isinstance(launch, LaunchDraft) else None
        self.drafts.setdefault(stage, []).append(draft)
        return launch.deferred() if isinstance(launch, LaunchDraft) else launch

    def _go_on(self, call: KernelCall) -> None:
        """Let the chain of instructions that run piece by piece go on with a call, or end."""
        chain = self.pieces if call.follows else None
        self.pieces = chain and chain.extended(self.tile_uses(call.nest))

    def _writes(self, call: KernelCall) -> tuple[int, ...]:
        """The operands that a call writes: the targets of a generated kernel; the last of any
        other, whose stores may begin elsewhere than its operand (at a row's end, or its second
        element).
        """
        last = (len(call.operands) - 1,)
        if call.kernel.source is None or not call.nest.affine:
            return last
        targets = {self.operand(access, written=True) for _, access, _ in call.nest.stores}
        return tuple(k for k, operand in enumerate(call.operands) if operand in targets) or last

    def note(self, unit: FusionGroup) -> str:
        """What a group computes and where that was written, for people."""
        node = self.graph[unit.nodes[-1]]
        names = [self.graph[i].op.name for i in unit.nodes]
        return f"%{node.id} {' '.join(names)}  {node.span or ''}".strip()

    def _extend_loop(self, region: Region, at: int) -> None:
        """Make the instruction that will be number `at` part of a recurrence."""
        loops = self.loops.setdefault(region.phase, {})
        time = self.memory.number(region.time)
        assert time is not None, "a loop runs over the rows of a time"
        first = loops.get(region)
        if first is None:
            (backwards,) = {
                n.op.backwards
                for n in self.graph.nodes
                if isinstance(n.op, Previous) and self.regions[n.id] == region
            }
            first = RecurrenceLoop(start=at, count=0, time=time, backwards=backwards)
        assert first.start + first.count == at, "a loop's instructions follow one another"
        loops[region] = replace(first, count=first.count + 1)

    def fill(self, unit: FusionGroup, place: BufferView) -> None:
        """Zero the whole buffer of a view, halo included."""
        words, ranged = self.layouts.words[place.storage], int(unit.phase.examples)
        unit = replace(unit, region=replace(unit.region, time=place.time))
        target = replace(self.operand(place, written=True), inner=0)
        nest = fill_nest(place.storage, words, unit.phase.examples)
        self.add(
            unit,
            KernelCall(
                kernel=Kernel("fill"),
                operands=(target,),
                geometry=(words, ranged),
                launch=self.launch(nest, place.time),
                nest=nest,
            ),
        )

    def phases(self) -> tuple[Phase, ...]:
        """All stages in order, as phases of the entry."""
        return tuple(map(self._phase, sorted(self.instructions)))

    def _phase(self, key: Stage) -> Phase:
        items, loops = self.instructions[key], tuple(self.loops.get(key, {}).values())
        if self.target == CUDA:
            drafts = [d and placed(d, self.operand, self.memory) for d in self.drafts[key]]
            nests = (nest for stage in self.nests.values() for nest in stage)
            readers = Counter(access.storage for nest in nests for _, access in nest.loads)
            loops = tuple(in_one_kernel(loop, drafts) for loop in loops)
            items, loops = fuse_launches(items, drafts, loops, readers)
        return Phase(
            examples=key.examples,
            wide=key in self.memory.wide,
            sums=coalesce_reductions(self.sums.get(key, ())),
            loops=loops,
            instructions=tuple(items),
        )


def _place(access: MemAccess) -> tuple[StorageKey, int]:
    """The word at which an access begins."""
    return access.storage, access.offset
