"""A batch of one block has no blocks to share out: its instructions are cut into parts instead.

A product is cut along a loop that moves its result: units of a dense layer, rows of an image; other
work along the examples.  The parts follow from the entry and the batch size alone, so threads
change no bit; part k of n goes to thread k * threads // n.  What is not cut is thread 0's, and all
threads wait where one kind follows the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, OpCost, Phase, Space
from gradc_runtime.cpu.partition.space_sizes import uses_partials
from gradc_runtime.cpu.partition.split_dims import SplitDim, split_dims_of

FIXED = Space.PERSISTENT, Space.UNIFORM  # the same for every example
PRODUCTS = ("contract_rows", "contract_dots")


@dataclass(frozen=True, slots=True)
class SubTask:
    """What one thread does of an instruction, on the examples [begin, end) of the block."""

    instruction: Instruction
    number: int
    of: int
    begin: int
    end: int
    wait: bool = False  # for all threads, before it


def nanoseconds(work: OpCost, examples: float) -> float:
    """What a thread takes for some examples, about."""
    operations = work.operations + work.operations_each * examples
    return cost_model.nanoseconds(operations, work.words + work.words_each * examples)


def in_parts_nanoseconds(entry: Entry, item: Instruction, examples: int) -> float:
    """What two threads take for an instruction in parts, about."""
    cut, alone = cut_of(entry, item, examples), nanoseconds(item.work, examples)
    return alone if cut is None else _in_two(item, cut, examples) + MACHINE.barrier_ns


def parts_of(entry: Entry, phase: Phase, examples: int, block: int) -> list[SubTask]:
    """A phase in parts; nothing where that brings nothing, or blocks are shared out."""
    if not phase.examples or entry.times or examples > block:
        return []
    cut = [in_parts(entry, item, examples) for item in phase.instructions]
    if all(len(group) == 1 for group in cut):
        return []
    waits = [uses_partials(phase)]  # thread 0 has set them to 0
    waits += [len(a) > 1 or len(b) > 1 for a, b in pairwise(cut)]
    return [
        replace(part, wait=wait and part.number == 0)
        for group, wait in zip(cut, waits, strict=True)
        for part in group
    ]


def in_parts(entry: Entry, instruction: Instruction, examples: int) -> list[SubTask]:
    """An instruction as several that together do the same, or as it is."""
    cut = cut_of(entry, instruction, examples)
    if cut is None:
        return [SubTask(instruction, 0, 1, 0, examples)]
    count = len(cut.parts)
    if cut.place is None:
        return [SubTask(instruction, k, count, *ends) for k, ends in enumerate(cut.parts)]
    return [
        SubTask(_iterations(instruction, cut, *ends), k, count, 0, examples)
        for k, ends in enumerate(cut.parts)
    ]


def cut_of(entry: Entry, instruction: Instruction, examples: int) -> SplitDim | None:
    """Where an instruction is best cut, if anywhere: into shares as equal as can be."""
    work, kernel = instruction.work, entry.kernels[instruction.kernel]
    if not cost_model.is_worth_splitting(nanoseconds(work, examples)):
        return None
    cuts = []
    if kernel.source is None and kernel.name in PRODUCTS:
        cuts = split_dims_of(kernel.name, instruction.geometry, examples)
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
