"""How many examples of a batch form a block, so that two threads have the same to do.

An entry says how many there are at most.  A batch that is no multiple of that is cut more evenly:
48 examples in blocks of 16 would be two for one thread and one for the other, four blocks of 12 are
two for each.  A small batch may be one block whose instructions are cut (`parts.py`): two halves of
an odd one differ, and both read all weights.

What each of these takes is estimated from the work of the entry's instructions, so the choice
follows from the entry and the batch alone, and threads change no bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.entry import Entry, Instruction
from runtime.cpu.parts import SHARED, in_parts_nanoseconds, nanoseconds

SMALL = 256  # words of an example, below which a batch is not worth two threads
HEIGHT, FEW = 4, 8  # of so many examples, or more, a tile takes four as rows
CALL = 100  # nanoseconds of an instruction, whatever it does
CHOICES = 32  # of sizes, about
WORTH_CUTTING = 0.91  # of the time of several blocks, at which a single one is cut


def block_of(entry: Entry, examples: int) -> int:
    """Examples in a block of a batch."""
    if entry.times or entry.block_words < SMALL:
        return entry.block
    items = [item for p in entry.phases if p.examples for item in p.instructions]
    most = min(entry.block, -(-examples // 2))
    sizes = range(most, most // 2, -max(1, most // CHOICES))
    taken = {size: _busier(entry, items, examples, size) for size in sizes}
    size = min(taken, key=lambda size: taken[size])  # the largest of several
    if not size < examples <= entry.block:
        return size
    cut = sum(in_parts_nanoseconds(entry, item, examples) for item in items)
    weights = sum(item.work.words for item in items) / SHARED
    whole = cut + CALL * len(items) < WORTH_CUTTING * (taken[size] + weights)
    return examples if whole else size


def _busier(entry: Entry, items: Sequence[Instruction], examples: int, size: int) -> float:
    """What the busier of two threads takes, in nanoseconds, where they take chunks in turn."""
    blocks = -(-examples // size)
    chunks = min(entry.chunks, blocks)
    whole, last = (_alone(items, n) for n in (size, examples - size * (blocks - 1)))
    threads = [0.0, 0.0]
    for chunk in range(chunks):
        count = (chunk + 1) * blocks // chunks - chunk * blocks // chunks
        threads.sort()
        threads[0] += count * whole + (last - whole if chunk == chunks - 1 else 0.0)
    return max(threads)


def _alone(items: Sequence[Instruction], examples: int) -> float:
    """What a thread takes for a block; a tile that is not full takes as long as one half full."""
    rows = examples + (-examples % HEIGHT) / 2 if examples >= FEW else examples
    return sum(nanoseconds(item.work, rows) + CALL for item in items)
