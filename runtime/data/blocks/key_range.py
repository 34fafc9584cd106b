"""Which examples belong to a part of a data set, decided one by one.

A part of a set in memory is a stretch of a permutation, which orders examples by their keys.  Here
the keys at the two ends of the stretch are found without keeping any, in two passes over all
numbers each, so a part has the same examples whether the data fits or not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.shuffle import SPLIT, keys

PIECE = 1 << 20  # keys at once
BITS = np.uint64(48)  # below those that a key is first sorted by


@dataclass(frozen=True)
class KeyRange:
    """A part of the examples: those whose keys are from the least to the most."""

    seed: int
    least: np.uint64
    most: np.uint64

    @staticmethod
    def of(examples: int, start: int, stop: int, seed: int) -> KeyRange:
        """The part at the places `start` to before `stop` in the order of keys, at least one."""
        sizes = np.zeros(1 << 16, np.int64)
        for piece in pieces(examples, seed):
            sizes += np.bincount((piece >> BITS).astype(np.int64), minlength=1 << 16)
        least, most = (key_at(place, sizes, examples, seed) for place in (start, stop - 1))
        return KeyRange(seed, least, most)

    def mask(self, first: int, end: int) -> np.ndarray:
        """Whether each of the examples from `first` to before `end` is of this part."""
        own = keys(first, end, self.seed, SPLIT)
        found: np.ndarray = (self.least <= own) & (own <= self.most)
        return found


def key_at(place: int, sizes: np.ndarray, examples: int, seed: int) -> np.uint64:
    """The key at a place of their order, when so many have each number as their first bits."""
    first = int(np.searchsorted(np.cumsum(sizes), place, side="right"))
    near = [p[(p >> BITS) == np.uint64(first)] for p in pieces(examples, seed)]
    before = int(sizes[:first].sum())
    found: np.uint64 = np.sort(np.concatenate(near))[place - before]
    return found


def pieces(examples: int, seed: int) -> Iterator[np.ndarray]:
    """The keys of all examples, a limited number at a time."""
    for first in range(0, examples, PIECE):
        yield keys(first, min(first + PIECE, examples), seed, SPLIT)
