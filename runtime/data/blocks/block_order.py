"""The order of the examples of many blocks, in memory that does not grow with their number.

Blocks are drawn at random; `window` of them at a time are read and their examples shuffled
together.  Both are functions of the seed and the number of the epoch, as all orders are.  So
examples that stand together in a file, and are often alike, are seen far apart, and yet a disk is
read in long pieces.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.shuffle import MASK, mixed, permutation

BLOCKS_MIXED = 64  # blocks of the usual size whose examples are shuffled together


@dataclass(frozen=True, kw_only=True)
class BlockOrder:
    """The order of an epoch."""

    counts: np.ndarray  # examples of each block
    window: int  # blocks that are shuffled together
    seed: int
    epoch: int

    @cached_property
    def blocks(self) -> np.ndarray:
        """The numbers of all blocks, in the random order of this epoch."""
        return permutation(len(self.counts), self.seed, self.epoch)

    @cached_property
    def starts(self) -> np.ndarray:
        """The place of each window's first example in the epoch."""
        ends = np.cumsum(self.counts[self.blocks])
        return np.concatenate([[0], ends[self.window - 1 : -1 : self.window]])

    @property
    def largest(self) -> int:
        """How many examples the largest window has."""
        return int(np.diff([*self.starts, self.counts.sum()]).max())

    def blocks_of(self, window: int) -> np.ndarray:
        """The numbers of the blocks in a window."""
        return self.blocks[window * self.window : (window + 1) * self.window]

    def within(self, window: int) -> np.ndarray:
        """The order of a window's examples, numbered from 0 in the order of its blocks."""
        count = int(self.counts[self.blocks_of(window)].sum())
        return permutation(count, mixed((mixed(self.seed & MASK) + window) & MASK), self.epoch)

    def window_at(self, place: int) -> int:
        """The window with the example at this place of the epoch."""
        return int(np.searchsorted(self.starts, place, side="right")) - 1
