"""The cost model: how many examples a block holds, and how many chunks a batch is cut into.

Measured on cores with 512 KB and 1 MB of second-level cache: a block's values should fit in it;
more examples in a block mean fewer passes over the weights and their gradients, and taller tiles.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.graph.types import Time

BLOCK_CACHE_WORDS = 208 * 1024  # 832 KB of float32, of which some are live at a time
MOST_BLOCK_WORDS = 5 << 20  # 20 MB of float32: beyond that a block takes fewer than 8 examples
LARGEST_BLOCK = 64
NEAREST_CACHE_WORDS = 8 * 1024  # 32 KB of float32: what few words an example has may fill
LARGEST_SMALL_BLOCK = 1024
LARGEST_TUNED_BLOCK = 1 << 12
BLOCK_OF_SEQUENCES = 16
REUSE = 32  # examples over which a deferred product must be the shorter way
VECTOR = 16  # numbers in the widest register
WRITING = 8  # terms for which a number of the result could be read, added to and written
MOVING = 8  # products in the time in which a number is read from the cache or written
KEPT_APART = 64  # columns from which a sum down them needs no more
WORTH_IT = 0.9  # of the cost, at which another form of a product is chosen
CHUNK_WORDS = 1 << 18  # partial sums of 1 MB: beyond that each copy costs more than it saves


def choose_block(words_by_time: Mapping[Time | None, int], partial_words: int) -> int:
    """Examples in a block: a power of two, 8 at least unless one example alone is too large.

    With sequences it is 16: the steps of a recurrence want some rows each, and two threads a block
    each of a batch of 32.
    """
    words = words_by_time.get(None, 0)
    if words_by_time.keys() - {None}:
        return BLOCK_OF_SEQUENCES
    block = LARGEST_BLOCK
    while block < LARGEST_SMALL_BLOCK and 2 * block * words <= NEAREST_CACHE_WORDS:
        block *= 2
    smallest = 32 if partial_words > 4 * words else 8
    while block > smallest and block * words > BLOCK_CACHE_WORDS:
        block //= 2
    while block > 1 and block * words > MOST_BLOCK_WORDS:
        block //= 2
    return block


def choose_chunks(partial_words: int) -> int:
    """Copies of the partial sums: enough for a few threads, fewer where they are large."""
    return 8 if partial_words <= CHUNK_WORDS // 8 else 4 if partial_words <= CHUNK_WORDS else 2


def worth_deferring(factors: int, product: int) -> bool:
    """Whether to carry two factors over the batch, rather than to sum their products up in blocks.

    Both in words: of the factors for each example, and of the product.
    """
    return REUSE * factors <= product


def product(rows: float, terms: float, columns: int) -> float:
    """What a product costs, in multiplications of whole vectors: every row is written once."""
    return rows * -(-columns // VECTOR) * (terms + WRITING)
