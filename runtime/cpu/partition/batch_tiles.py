"""Batch tiles: how many examples of a batch form a block, so that threads have equal work.

An entry says how many examples a block has at most.  A batch may be cut into smaller blocks, so
that threads can share them equally: 48 examples are three blocks of 16, which neither two threads
nor four can share, but four blocks of 12, which they can.  A small batch may be a single block, of
which threads share each instruction (`intra_op.py`): cut into two blocks, an odd number of examples
would give unequal halves, and every thread would read all weights.

The size of a block decides in which order a batch is summed up, so it must be the same for any
number of threads (Note [The same bits on any number of threads] in `reduction_chunks.py`).  So the
time of each size is estimated for several numbers of threads, and the size with the least time in
all is chosen.  It follows from the entry and the batch alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from gradc_compiler.machine.cost_model import full_rows, shared_nanoseconds
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.partition import intra_op
from gradc_runtime.cpu.partition.alike import first_alike

THREADS = MACHINE.compared_threads
Alone = Callable[[int], float]  # nanoseconds that a thread takes for a block of so many examples


def block_of(entry: Entry, examples: int) -> int:
    """Examples in a block of a batch."""
    if entry.times:
        return _of_sequences(entry, examples)
    if entry.block_words < MACHINE.least_example:
        return min(entry.block, examples)
    items = [item for p in entry.phases if p.examples for item in p.instructions]
    size = _even(entry, examples, cache(lambda rows: _alone(items, rows)))
    one_will_do = size < examples <= entry.block
    return examples if one_will_do and _is_one_best(entry, items, examples, size) else size


def _of_sequences(entry: Entry, examples: int) -> int:
    """Examples in a block of a batch of sequences: a step of a recurrence takes the time of a few
    rows, however few rows it has.
    """
    if examples < 2 * MACHINE.low_tile - 1:
        return min(entry.block, examples)
    return _even(entry, examples, lambda rows: full_rows(rows) + MACHINE.step_rows)


def _even(entry: Entry, examples: int, alone: Alone) -> int:
    """The best size, if there are to be several blocks; of several best ones the largest."""
    most = min(entry.block, -(-examples // 2))
    sizes = range(most, most // 2, -max(1, most // MACHINE.block_choices))
    return min(sizes, key=lambda size: _thread_time(entry.chunks, alone, examples, size))


def _thread_time(most: int, alone: Alone, examples: int, size: int) -> float:
    """The time that a batch takes, summed over some numbers of threads.

    If there are more threads than chunks, several threads work on each chunk.
    """
    chunks = min(most, -(-examples // size))
    counts = {count: min(count, chunks) for count in THREADS}
    return sum(
        _busiest(chunks, alone, examples, size, taking) * taking / count
        for count, taking in counts.items()
    )


def _busiest(chunks: int, alone: Alone, examples: int, size: int, threads: int) -> float:
    """The time of the busiest of some threads, which take chunks in turn."""
    blocks = -(-examples // size)
    whole, last = alone(size), alone(examples - size * (blocks - 1))
    spent = [0.0] * threads
    for chunk in range(chunks):
        count = (chunk + 1) * blocks // chunks - chunk * blocks // chunks
        spent.sort()
        spent[0] += count * whole + (last - whole if chunk == chunks - 1 else 0.0)
    return max(spent)


def _alone(items: Sequence[Instruction], examples: int) -> float:
    """The time that one thread takes for a block, in nanoseconds."""
    rows = full_rows(examples) if examples >= MACHINE.full_rows else examples
    return sum(intra_op.nanoseconds(item.work, rows) + MACHINE.call_ns for item in items)


def _is_one_best(entry: Entry, items: Sequence[Instruction], examples: int, size: int) -> bool:
    """Whether one block, whose instructions all threads share, is clearly better than several."""

    firsts = first_alike(items)

    def together(rows: int, members: int) -> float:
        taken = {
            k: intra_op.shared_nanoseconds(entry, items[k], rows, members) for k in set(firsts)
        }
        return sum(taken[k] for k in firsts) + MACHINE.call_ns * len(items)

    chunks = min(entry.chunks, -(-examples // size))
    weights = shared_nanoseconds(sum(item.work.words for item in items))
    one, several = 0.0, 0.0
    for count in THREADS:
        one += together(examples, count)
        if count <= chunks:
            alone = _busiest(chunks, lambda rows: _alone(items, rows), examples, size, count)
            several += alone + (weights if count > 1 else 0.0)
        else:
            several += together(size, count // chunks)
    return one < MACHINE.worth_one_block * several
