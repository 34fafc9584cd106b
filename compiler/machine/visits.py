"""How often a loop nest writes the same word, counted word by word.

Where windows overlap in a result, a word is added to several times, and each addition rounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np


def visits(moves: Iterable[int], extents: Iterable[int]) -> int:
    """The most iterations that write one word; each loop moves the address by so many words.

    Where the strides of all longer loops step over everything that the shorter ones write, the
    shorter ones are counted by themselves.
    """
    pairs = [(abs(m), n) for m, n in zip(moves, extents, strict=True)]
    result = prod(n for m, n in pairs if m == 0)
    loops = sorted((m, n) for m, n in pairs if m and n > 1)
    counts, unit = np.ones(1, np.int64), 1
    for k, (move, extent) in enumerate(loops):
        longer = [m for m, _ in loops[k:]]
        if move >= len(counts) * unit and all(m % move == 0 for m in longer):
            result, counts, unit = result * int(counts.max()), np.ones(1, np.int64), move
            if k == len(loops) - 1:
                break
        counts = _shifted(counts, move // unit, extent)
    return result * int(counts.max())


def _shifted(counts: np.ndarray, step: int, extent: int) -> np.ndarray:
    """The sum of `extent` copies of the counts, each `step` words further on than the last."""
    words = len(counts) + step * (extent - 1)
    sums = np.zeros((-(-words // step), step), np.int64)
    sums.reshape(-1)[: len(counts)] = counts
    sums = sums.cumsum(axis=0)
    sums[extent:] -= sums[:-extent].copy() if extent < len(sums) else 0
    return sums.reshape(-1)[:words]
