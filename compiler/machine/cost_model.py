"""The cost model: what work takes on the machine (`machine.py`), and what follows from that alone.

One unit for each question.  *Multiplications of a vector* compare forms of one product, before
anything is laid out.  *Nanoseconds* of a thread compare ways to run instructions whose words and
operations are known: calls, threads, blocks.  *Words* say what fits a cache.  The compiler chooses
forms and blocks by them, the runtime tiles and threads; nobody else estimates.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.graph.types import Time
from gradc_compiler.machine.machine import MACHINE


def choose_block(
    words_by_time: Mapping[Time | None, int],
    partial_words: int,
    at_once: int,
    steps_apart: bool = False,
    weights: int = 0,
    moved: int = 0,
    copies: int = 1,
) -> int:
    """Examples in a block: a power of two, 8 at least unless one example alone is too large, by the
    words that a single stage has `at_once`.

    It is more where a block reads so many `weights` that they dominate what each of its examples
    has `moved`, as far as there is room for as many `copies` as threads may have.

    With sequences it is 16 at most: the steps of a recurrence want some rows each.  Without one the
    elements of an example are rows enough.
    """
    if words_by_time.keys() - {None}:
        return MACHINE.sequences_block if steps_apart else _block_of_sequences(words_by_time)
    block = _block_in_cache(words_by_time.get(None, 0), partial_words, at_once)
    most = min(MACHINE.weights_block, MACHINE.weights_room // max(1, at_once * copies))
    while weights_dominate(weights, moved, block) and 2 * block <= most:
        block *= 2
    return block


def _block_in_cache(words: int, partial_words: int, at_once: int) -> int:
    """Examples whose values stay in a cache; at least so many that weights are read for them."""
    block = MACHINE.large_block
    while block < MACHINE.small_values_block and 2 * block * words <= MACHINE.near_cache:
        block *= 2
    smallest = 32 if partial_words > 4 * words else MACHINE.typical_block
    while block > smallest and block * words > MACHINE.block_words:
        block //= 2
    while block > 1 and block * at_once > MACHINE.most_block_words:
        block //= 2
    return block


def weights_dominate(weights: int, moved: int, examples: int) -> bool:
    """Whether a block of so many examples reads more words of weights, which no cache keeps from
    block to block, than are a small part of what its examples move.
    """
    return weights > max(MACHINE.far_cache, MACHINE.weights_part * examples * moved)


def _block_of_sequences(words_by_time: Mapping[Time | None, int]) -> int:
    """Fewer where values are large, while the rows are many enough to read the weights for."""
    steps = {time: time if isinstance(time, int) else 1 for time in words_by_time}
    words = sum(n * steps[time] for time, n in words_by_time.items())
    least, block = MACHINE.weights_rows // max(steps.values()), MACHINE.sequences_block
    while block > max(1, least) and block * words > MACHINE.most_block_words:
        block //= 2
    return block


def choose_chunks(partial_words: int, recurrent: bool) -> int:
    """Copies of the partial sums, where they are as large as this: one at least.

    Threads beyond those share out what is done for a chunk, so more would only take memory.  In a
    recurrence they would wait for one another at every element, so it is given more room.
    """
    room = MACHINE.recurrent_chunk_words if recurrent else MACHINE.chunk_words
    return max(1, min(MACHINE.most_chunks, room // max(1, partial_words)))


def worth_deferring(factors: int, product: int) -> bool:
    """Whether a mean of products is better delayed: its factors kept for all examples, and one
    product made of them, rather than a sum that is read and written for every block.

    Both are counted in words: the factors of one example, and the product.
    """
    return MACHINE.deferred_reuse * factors <= product


def product(rows: float, terms: float, columns: int) -> float:
    """The cost of a product, in multiplications of whole vectors; every row is written once."""
    return rows * -(-columns // MACHINE.vector) * (terms + MACHINE.write_cost)


def product_of_several(multiplications: int, factors: int) -> int:
    """What a product of some factors costs, all multiplied at once, beside one of two."""
    at_once = MACHINE.many_factors_cost * (factors - 1) if factors > 2 else 1
    return at_once * multiplications


def is_worth(after: float, before: float) -> bool:
    """Whether another form of a product costs clearly less."""
    return after < MACHINE.worth * before


def examples_of_one_kernel(effort: int) -> int:
    """The largest batch whose step is worth being one kernel, of so much effort an example."""
    return MACHINE.step_effort // effort


def nanoseconds(operations: float, words: float) -> float:
    """What a thread takes to do and to move so much."""
    return max(operations / MACHINE.operations_per_ns, words / MACHINE.words_per_ns)


def shared_nanoseconds(words: float) -> float:
    """What it takes to read words that all threads read."""
    return words / MACHINE.shared_words_per_ns


def arrivals(threads: int) -> tuple[int, int]:
    """Arrivals at a barrier, one after another: at a group's word, and of groups at that of all."""
    if threads <= MACHINE.barrier_group:
        return threads, 0
    return MACHINE.barrier_group, -(-threads // MACHINE.barrier_group)


def barrier_nanoseconds(threads: int) -> float:
    """What a barrier takes."""
    return MACHINE.arrival_ns * sum(arrivals(threads))


def full_rows(rows: int) -> float:
    """Rows as tiles take them: a tile that is not full takes as long as one half full."""
    return rows + (-rows % MACHINE.low_tile) / 2


def is_worth_splitting(alone: float) -> bool:
    """Whether an instruction of so many nanoseconds is cut for several threads."""
    return alone >= MACHINE.worth_splitting_ns


def takes_long(estimate: float, words: int) -> bool:
    """Whether a step surely takes milliseconds, by its nanoseconds or the words that it writes."""
    return estimate >= MACHINE.long_step_ns or words >= MACHINE.long_step_words
