"""A batch of one block has no blocks to share out: its instructions are cut into parts instead.

A product is cut along a loop that moves its result: units of a dense layer, rows of an image; other
work along the examples.  The parts follow from the entry and the batch size alone, so threads
change no bit.  What is not cut is thread 0's.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, OpCost, Space
from gradc_compiler.program.kernel_abi import COMPENSATED
from gradc_runtime.cpu.partition.split_dims import SplitDim, split_dims_of
from gradc_runtime.cpu.partition.thread_tasks import Group, ThreadTask

FIXED = Space.PERSISTENT, Space.UNIFORM  # the same for every example
CUT = ("contract_rows", "contract_dots")


def nanoseconds(work: OpCost, examples: float) -> float:
    """What a thread takes for some examples, about."""
    operations = work.operations + work.operations_each * examples
    return cost_model.nanoseconds(operations, work.words + work.words_each * examples)


def in_parts_nanoseconds(entry: Entry, item: Instruction, examples: int) -> float:
    """What two threads take for an instruction in parts, about."""
    cut, alone = cut_of(entry, item, examples), nanoseconds(item.work, examples)
    return alone if cut is None else _in_two(item, cut, examples) + MACHINE.barrier_ns


def in_parts(entry: Entry, instruction: Instruction, examples: int) -> Group:
    """An instruction as several tasks that together do the same, or as one."""
    cut = cut_of(entry, instruction, examples)
    if cut is None:
        return [ThreadTask(instruction, 0, examples)]
    count = len(cut.parts)
    if cut.place is None:
        return [ThreadTask(instruction, *ends, k, count) for k, ends in enumerate(cut.parts)]
    return [
        ThreadTask(_iterations(instruction, cut, *ends), 0, examples, k, count)
        for k, ends in enumerate(cut.parts)
    ]


def cut_of(entry: Entry, instruction: Instruction, examples: int) -> SplitDim | None:
    """Where an instruction is best cut, if anywhere: into shares as equal as can be."""
    work, kernel = instruction.work, entry.kernels[instruction.kernel]
    if not cost_model.is_worth_splitting(nanoseconds(work, examples)):
        return None
    cuts, name = [], kernel.name.removesuffix(COMPENSATED)
    if kernel.source is None and name in CUT:
        cuts = split_dims_of(name, instruction.geometry, examples)
    elif work.words_each and all(o.space != Space.PARTIAL for o in instruction.operands):
        cuts = [SplitDim(None, examples)]
    cuts = [cut for cut in cuts if len(cut.parts) > 1]
    costs = [_in_two(instruction, cut, examples) for cut in cuts]
    return cuts[costs.index(min(costs))] if cuts else None


def _in_two(instruction: Instruction, cut: SplitDim, examples: int) -> float:
    """What two threads take for a cut instruction, about.

    Every part reads all weights, unless it has some of its own; then it reads all that they meet.
    """
    work, moved = instruction.work, zip(instruction.operands[:2], cut.moves, strict=False)
    own = any(move and operand.space in FIXED for operand, move in moved)
    read = work.words_each * examples if own else work.words
    turns = (len(cut.parts) + 1) // 2
    alone = nanoseconds(work, examples)
    return alone * cut.busier + cost_model.shared_nanoseconds(turns * read)


def _iterations(instruction: Instruction, cut: SplitDim, begin: int, end: int) -> Instruction:
    """The iterations [begin, end) of a loop."""
    assert cut.place is not None, "the loop over the examples has a range of its own"
    geometry = list(instruction.geometry)
    geometry[cut.place] = end - begin
    moved = zip(instruction.operands, cut.moves, strict=True)
    operands = tuple(replace(o, inner=o.inner + begin * words) for o, words in moved)
    return replace(instruction, operands=operands, geometry=tuple(geometry))
