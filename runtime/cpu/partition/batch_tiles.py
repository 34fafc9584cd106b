"""How many examples of a batch form a block, so that two threads have the same to do.

An entry says how many there are at most.  A batch that is no multiple of that is cut more evenly:
48 examples in blocks of 16 would be two for one thread and one for the other, four blocks of 12 are
two for each.  A small batch may be one block whose instructions are cut (`intra_op.py`): two halves
of an odd one differ, and both read all weights.

What each of these takes is estimated from the work of the entry's instructions, so the choice
follows from the entry and the batch alone, and threads change no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.partition.intra_op import SHARED, in_parts_nanoseconds, nanoseconds

SMALL = 256  # words of an example, below which a batch is not worth two threads
HEIGHT, FEW = 4, 8  # of so many examples, or more, a tile takes four as rows
STEP = 4  # rows that take as long as the kernels of a step for any
CALL = 100  # nanoseconds of an instruction, whatever it does
CHOICES = 32  # of sizes, about
WORTH_CUTTING = 0.91  # of the time of several blocks, at which a single one is cut


def block_of(entry: Entry, examples: int) -> int:
    """Examples in a block of a batch."""
    if entry.times:
        return _of_sequences(entry, examples)
    if entry.block_words < SMALL:
        return entry.block
    items = [item for p in entry.phases if p.examples for item in p.instructions]
    size, busier = _even(entry, examples, lambda rows: _alone(items, rows))
    if not size < examples <= entry.block:
        return size
    cut = sum(in_parts_nanoseconds(entry, item, examples) for item in items)
    weights = sum(item.work.words for item in items) / SHARED
    whole = cut + CALL * len(items) < WORTH_CUTTING * (busier + weights)
    return examples if whole else size


def _of_sequences(entry: Entry, examples: int) -> int:
    """The same for sequences: a step of a recurrence takes as long as a few rows by itself."""
    if examples < 2 * HEIGHT - 1:
        return min(entry.block, examples)
    return _even(entry, examples, lambda rows: _filled(rows) + STEP)[0]


def _even(entry: Entry, examples: int, alone: Callable[[int], float]) -> tuple[int, float]:
    """The size of blocks that is best, and what the busier of two threads then takes.

    `alone` is what a thread takes for a block of so many.
    """
    most = min(entry.block, -(-examples // 2))
    sizes = range(most, most // 2, -max(1, most // CHOICES))
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


def _filled(rows: int) -> float:
    """Rows as tiles take them: one that is not full takes as long as one half full."""
    return rows + (-rows % HEIGHT) / 2


def _alone(items: Sequence[Instruction], examples: int) -> float:
    """What a thread takes for a block, in nanoseconds."""
    rows = _filled(examples) if examples >= FEW else examples
    return sum(nanoseconds(item.work, rows) + CALL for item in items)
