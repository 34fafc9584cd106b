"""Which examples belong to the held-out share, decided one by one.

The share of a set in memory is the first so many of a permutation: those with the least keys.  Here
the largest of these keys is found without keeping any, in two passes over all numbers, so the same
examples are held out whether the data fits or not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.shuffle import SPLIT, keys

PIECE = 1 << 20  # keys at once
BITS = np.uint64(48)  # below those that a key is first sorted by


@dataclass(frozen=True)
class HeldRows:
    """A share of the examples: those whose keys are at most the limit."""

    seed: int
    limit: np.uint64

    @staticmethod
    def of(examples: int, count: int, seed: int) -> HeldRows:
        """The held-out share with `count` of the examples, at least one."""
        sizes = np.zeros(1 << 16, np.int64)
        for piece in pieces(examples, seed):
            sizes += np.bincount((piece >> BITS).astype(np.int64), minlength=1 << 16)
        place = int(np.searchsorted(np.cumsum(sizes), count))
        near = [p[(p >> BITS) == np.uint64(place)] for p in pieces(examples, seed)]
        left = count - int(sizes[:place].sum())
        return HeldRows(seed, np.sort(np.concatenate(near))[left - 1])

    def mask(self, first: int, end: int) -> np.ndarray:
        """Whether each of the examples from `first` to before `end` is held out."""
        found: np.ndarray = keys(first, end, self.seed, SPLIT) <= self.limit
        return found


def pieces(examples: int, seed: int) -> Iterator[np.ndarray]:
    """The keys of all examples, a limited number at a time."""
    for first in range(0, examples, PIECE):
        yield keys(first, min(first + PIECE, examples), seed, SPLIT)
