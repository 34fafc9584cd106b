"""One call of a kernel in a step, and the words that it reads and writes, as data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from gradc_compiler.records.fast_dataclass import dataclass

Interval = tuple[int, int]  # words of the device, from the first to before the last


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaCall:
    """A kernel of a text, called for the rows [begin, begin + count).

    `numbers` are the first words of its operands, then its geometry.  With a `slot` the rows are
    read there when the kernel runs: the first, how many, and whether the step is made at all.
    """

    source: str
    function: int = 0  # which kernel of the text: k0, k1, ...
    numbers: tuple[int, ...]
    pieces: int  # of work: for `each` row, or in all
    each: bool = False
    begin: int = 0
    count: int = 0
    slot: int = 0  # a word of the device; 0: the rows are `begin` and `count`
    most: int = 0  # rows for which there is room: grids are made for these
    reads: tuple[Interval, ...] = ()
    writes: tuple[Interval, ...] = ()
    operations: int = 0  # additions and multiplications, for all rows that there may be
    words: int = 0  # read and written, each once
    note: str = ""  # what it computes, and the line of the spec
    meetings: int = 0  # of all its blocks, at most, which then have to run at once

    @property
    def total(self) -> int:
        """The most pieces of work that there may be."""
        return self.pieces * self.most if self.each else self.pieces

    @property
    def kernel(self) -> tuple[str, int]:
        """What has to be compiled for it."""
        return self.source, self.function


@lru_cache(maxsize=4096)
def kernels_in(source: str) -> int:
    """How many kernels a text has, which are launched one after another."""
    return len(re.findall(r"^def k\d+\(", source, re.MULTILINE))


@lru_cache(maxsize=4096)
def is_plain(source: str, number: int) -> bool:
    """Whether threads of a kernel go through pieces of work alone: without a block's shared memory
    and barriers, so that other such kernels may stand beside it in one launch.
    """
    own = re.split(r"^def k\d+\(", source, flags=re.MULTILINE)[number + 1]
    return not re.search(r"\b(lane|block|barrier)\(", own)


def overlap(some: Iterable[Interval], others: Iterable[Interval]) -> bool:
    """Whether two sets of words have one in common."""
    return any(a < d and c < b for a, b in some for c, d in others)


def conflict(one: CudaCall, other: CudaCall) -> bool:
    """Whether two calls have to run one after the other: one writes what the other touches."""
    return (
        overlap(one.writes, other.reads)
        or overlap(one.reads, other.writes)
        or overlap(one.writes, other.writes)
    )


def share_rows(one: CudaCall, other: CudaCall) -> bool:
    """Whether calls along the same rows keep to these: what one writes and the other touches is the
    same storage.  Two storages that overlap have other rows in the same words.
    """
    ways = ((one.writes, other.reads), (one.reads, other.writes), (one.writes, other.writes))
    pairs = ((a, b) for some, others in ways for a in some for b in others)
    return all(a == b or a[1] <= b[0] or b[1] <= a[0] for a, b in pairs)
