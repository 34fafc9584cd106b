"""The CUDA kernel of an instruction; it is printed when a session on a GPU, or a reader, first asks
for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gradc_compiler.graph.types import Time
from gradc_compiler.loops.ir import LoopNest, MemAccess
from gradc_compiler.loops.loop_passes import DEVICE, run_loop_passes
from gradc_compiler.loops.row_nest import RowNest
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.memory.allocate import MemoryPlan
from gradc_compiler.memory.free_list import whole
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.printing.cuda_printer import CudaKernelText, print_cuda_nest
from gradc_compiler.printing.cuda_rows import print_rows
from gradc_compiler.printing.cuda_tree import print_tree, team_of
from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_plan import Precision, TilePlan
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Launch, Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.select.choose_tile import choose_tile

ROOM: StorageKey = ("uniform", "parts of sums")  # which kernels in tiles share, one after another


def mapped(nest: LoopNest) -> LoopNest:
    """A nest whose loops say how threads go through it."""
    return run_loop_passes(nest, DEVICE, Switches())


def operands_of(
    nest: LoopNest, operand: Callable[[MemAccess, bool], Operand]
) -> dict[StorageKey, Operand]:
    """The operand of each buffer that a nest uses, by whether it is written; in the order in which
    clocks get their arrays.
    """
    written = {access.storage for _, access, _ in nest.stores}
    walk = nest.walk
    before, after = ([walk.first, walk.length], [walk.after]) if walk else ([], [])
    used = [*before, *(a for _, a in nest.loads), *after, *(a for _, a, _ in nest.stores)]
    return {access.storage: operand(access, access.storage in written) for access in used}


def drafted(
    nest: LoopNest,
    operands: dict[StorageKey, Operand],
    memory: MemoryPlan,
    time: Time | None,
    switches: Switches,
    precision: Precision = Precision.FLOAT32,
) -> LaunchDraft:
    """The kernel of a mapped nest; with room for parts of sums, if it is in tiles.  `precision` is
    that of a product's operands.
    """

    def aligned(access: MemAccess) -> bool:
        operand = operands[access.storage]
        return operand.offset % MACHINE.gpu_grain == 0 and access.offset % MACHINE.gpu_grain == 0

    plan = choose_tile(nest, aligned, switches, precision)
    if plan is not None and plan.room:
        operands[ROOM] = place_room(memory, plan, time)
    return LaunchDraft(nest, plan, operands, memory.number(time))


def placed(
    draft: LaunchDraft, operand: Callable[[MemAccess, bool], Operand], memory: MemoryPlan
) -> LaunchDraft:
    """A draft whose operands lie where they do by now."""
    found = operands_of(draft.nest, operand)
    if room := draft.operands.get(ROOM):
        found[ROOM] = memory.operands[ROOM] if room.space == Space.UNIFORM else room
    return replace(draft, operands=found)


def place_room(memory: MemoryPlan, plan: TilePlan, time: Time | None) -> Operand:
    """Words for parts of sums, which kernels use one after another: of UNIFORM, or where the number
    of results grows with the rows, of BLOCK.
    """
    key: StorageKey = ("block", f"parts of sums of {time}") if plan.each else ROOM
    known, words = memory.operands.get(key), plan.room
    if known is None or known.words < words:
        if known is not None:  # some kernel has it
            memory.operands[key[0], known.offset] = known
        found = _more_of_block(memory, time, words) if plan.each else memory.uniform(words)
        known = memory.operands[key] = replace(found, words=words)
    return known


def _more_of_block(memory: MemoryPlan, time: Time | None, words: int) -> Operand:
    """New words of BLOCK, per row."""
    start = memory.block_words.get(time, 0)
    memory.block_words[time] = start + whole(memory.grain, words)
    return memory.block(time, start, words)


@dataclass(frozen=True, slots=True)
class LaunchDraft:
    """A kernel that is not printed yet: a mapped nest over the rows of a time (its number) or over
    examples, its operands, and how it is made in tiles, if it is, or with others along rows.
    """

    nest: LoopNest
    plan: TilePlan | None
    operands: Mapping[StorageKey, Operand]
    time: int | None
    rows: RowNest | None = None

    def printed(self) -> Launch:
        """The kernel and what it is called with."""
        if self.plan is not None:
            return print_tile_launch(self.plan, self.operands, self.time)
        printed = print_rows(self.rows) if self.rows is not None else print_nest(self.nest)
        return Launch(
            source=printed.source,
            geometry=printed.geometry,
            pieces=printed.pieces,
            each=printed.each,
            time=self.time,
            operands=tuple(map(self.operand, printed.pointers)),
        )

    def deferred(self) -> Deferred[Launch]:
        """The same, printed when somebody asks for it."""
        return Deferred(self.printed)

    def operand(self, access: MemAccess) -> Operand:
        """Where an access begins."""
        return replace(self.operands[access.storage], inner=access.offset)


def print_nest(nest: LoopNest) -> CudaKernelText:
    """A kernel with a thread for each word of the result, or a team of threads."""
    team = team_of(nest)
    return print_tree(nest, team) if team > 1 else print_cuda_nest(nest)


def print_tile_launch(
    plan: TilePlan, operands: Mapping[StorageKey, Operand], time: int | None
) -> Launch:
    """A product in tiles; after its operands come room for parts of sums, and what an epilogue
    reads and writes.
    """
    printed, others = print_tile(plan), plan.epilogue.others if plan.epilogue else ()

    def placed(access: MemAccess) -> Operand:
        return replace(operands[access.storage], inner=access.offset)

    room = (operands[ROOM],) if plan.parts else ()
    return Launch(
        source=printed.source,
        geometry=printed.geometry,
        pieces=plan.pieces,
        each=plan.each,
        time=time,
        operands=(*map(placed, (plan.a, plan.b, plan.y)), *room, *map(placed, others)),
    )
