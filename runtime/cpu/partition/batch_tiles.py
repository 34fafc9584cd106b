"""Batch tiles: how many examples of a batch form a block, so that threads have equal work.

An entry says how many there are at most.  A batch that is no multiple of that is cut more evenly:
48 examples in blocks of 16 would be two for one thread and one for the other, four blocks of 12 are
two for each.  A small batch may be one block whose instructions are cut (`intra_op.py`): two halves
of an odd one differ, and both read all weights.

What each of these takes is estimated from the work of the entry's instructions, so the choice
follows from the entry and the batch alone (Note [The same bits on any number of threads] in
`reduction_chunks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradc_compiler.machine.cost_model import full_rows, shared_nanoseconds
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.partition.intra_op import in_parts_nanoseconds, nanoseconds


def block_of(entry: Entry, examples: int) -> int:
    """Examples in a block of a batch."""
    if entry.times:
        return _of_sequences(entry, examples)
    if entry.block_words < MACHINE.least_example:
        return entry.block
    items = [item for p in entry.phases if p.examples for item in p.instructions]
    size, busier = _even(entry, examples, lambda rows: _alone(items, rows))
    if not size < examples <= entry.block:
        return size
    cut = sum(in_parts_nanoseconds(entry, item, examples) for item in items)
    weights = shared_nanoseconds(sum(item.work.words for item in items))
    several = MACHINE.worth_one_block * (busier + weights)
    whole = cut + MACHINE.call_ns * len(items) < several
    return examples if whole else size


def _of_sequences(entry: Entry, examples: int) -> int:
    """The same for sequences: a step of a recurrence takes as long as a few rows by itself."""
    if examples < 2 * MACHINE.low_tile - 1:
        return min(entry.block, examples)
    return _even(entry, examples, lambda rows: full_rows(rows) + MACHINE.step_rows)[0]


def _even(entry: Entry, examples: int, alone: Callable[[int], float]) -> tuple[int, float]:
    """The size of blocks that is best, and what the busier of two threads then takes.

    `alone` is what a thread takes for a block of so many.
    """
    most = min(entry.block, -(-examples // 2))
    sizes = range(most, most // 2, -max(1, most // MACHINE.block_choices))
    taken = {size: _busier(entry.chunks, alone, examples, size) for size in sizes}
    return min(taken.items(), key=lambda item: item[1])  # the largest of several


def _busier(most: int, alone: Callable[[int], float], examples: int, size: int) -> float:
    """What the busier of two threads takes, which take up to so many chunks in turn."""
    blocks = -(-examples // size)
    chunks = min(most, blocks)
    whole, last = alone(size), alone(examples - size * (blocks - 1))
    threads = [0.0, 0.0]
    for chunk in range(chunks):
        count = (chunk + 1) * blocks // chunks - chunk * blocks // chunks
        threads.sort()
        threads[0] += count * whole + (last - whole if chunk == chunks - 1 else 0.0)
    return max(threads)


def _alone(items: Sequence[Instruction], examples: int) -> float:
    """What a thread takes for a block, in nanoseconds."""
    rows = full_rows(examples) if examples >= MACHINE.full_rows else examples
    return sum(nanoseconds(item.work, rows) + MACHINE.call_ns for item in items)
