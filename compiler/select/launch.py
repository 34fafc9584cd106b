"""The CUDA kernel of an instruction; it is printed when a session on a GPU, or a reader, first asks
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.loop_passes import DEVICE, run_loop_passes
from gradc_compiler.memory.allocate import MemoryPlan
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.printing.cuda_printer import print_cuda_nest
from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_plan import TilePlan
from gradc_compiler.program.entry import Launch, Operand
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.select.choose_tile import choose_tile

ROOM: StorageKey = ("uniform", "parts of sums")  # which kernels in tiles share, one after another


def mapped(nest: LoopNest) -> LoopNest:
    """A nest whose loops say how threads go through it."""
    return run_loop_passes(nest, DEVICE, Switches())


def room_of(nest: LoopNest) -> int:
    """Words that a nest's kernel needs for parts of sums, besides its operands."""
    plan = choose_tile(mapped(nest))
    return plan.room if plan else 0


def place_room(memory: MemoryPlan, words: int) -> Operand:
    """Words of UNIFORM that kernels use one after another, at least so many."""
    known = memory.operands.get(ROOM)
    if known is None or known.words < words:
        if known is not None:  # some kernel has it
            memory.operands[ROOM[0], known.offset] = known
        known = memory.operands[ROOM] = replace(memory.uniform(words), words=words)
    return known


def print_launch(
    nest: LoopNest, operands: Mapping[StorageKey, Operand], time: int | None
) -> Launch:
    """A nest over the rows of a time (its number) or over examples, as one CUDA kernel."""
    nest = mapped(nest)
    plan = choose_tile(nest)
    if plan is not None:
        return print_tile_launch(plan, operands, time)
    printed = print_cuda_nest(nest)
    return Launch(
        source=printed.source,
        geometry=printed.geometry,
        pieces=printed.pieces,
        each=printed.each,
        time=time,
        operands=tuple(replace(operands[a.storage], inner=a.offset) for a in printed.pointers),
    )


def print_tile_launch(
    plan: TilePlan, operands: Mapping[StorageKey, Operand], time: int | None
) -> Launch:
    """A product in tiles; its last operand has room for parts of sums."""
    printed = print_tile(plan)
    own = (replace(operands[a.storage], inner=a.offset) for a in (plan.a, plan.b, plan.y))
    room = (operands[ROOM],) if plan.parts else ()
    return Launch(
        source=printed.source,
        geometry=printed.geometry,
        pieces=plan.pieces,
        each=plan.each,
        time=time,
        operands=(*own, *room),
    )
