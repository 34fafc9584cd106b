"""Which chunks of a batch each rank runs, where several train one network.

Every rank lays out the same batch and runs a range of its chunks; the sums over chunks go from rank
to rank in the order in which one machine would add them.  So the result is the same to the bit for
any number of ranks, as long as there are chunks for all; else the batch is cut into more of them,
and its sums, taken in another order, differ by no more than rounding.  So do those of more than
MOST_CHUNKS chunks, which are compensated: each rank does that with its own.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.machine.addition_chains import MOST_CHUNKS
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.reduction_chunks import chunks_of

WORTH_SHARING = MACHINE.rank_examples  # for each rank


@dataclass(frozen=True, slots=True)
class RankShares:
    """How a batch of `examples` is laid out over ranks, as one of an entry in blocks of `block`."""

    entry: Entry
    examples: int
    block: int
    ranks: int
    as_alone: bool  # whether one machine would lay it out so

    @property
    def chunks(self) -> int:
        """Of the whole batch."""
        return chunks_of(self.entry, self.examples, self.block)

    def chunks_of_rank(self, rank: int) -> tuple[int, int]:
        """From, to."""
        return rank * self.chunks // self.ranks, (rank + 1) * self.chunks // self.ranks

    def blocks_of_rank(self, rank: int) -> tuple[int, int]:
        """From, to."""
        blocks, chunks = -(-self.examples // self.block), self.chunks
        first, last = self.chunks_of_rank(rank)
        return first * blocks // chunks, last * blocks // chunks

    def rows_of_rank(self, rank: int) -> tuple[int, int]:
        """The examples from, to."""
        first, last = self.blocks_of_rank(rank)
        return min(first * self.block, self.examples), min(last * self.block, self.examples)


def shares_of(entry: Entry, examples: int, ranks: int) -> RankShares | None:
    """How a batch is shared; None where every rank had better do all of it."""
    block = block_of(entry, examples)
    chunks = chunks_of(entry, examples, block)
    if chunks >= ranks:
        return RankShares(entry, examples, block, ranks, chunks <= MOST_CHUNKS)
    if examples < WORTH_SHARING * ranks:
        return None
    block = min(block, examples // ranks)
    cut = replace(entry, chunks=max(ranks, entry.chunks), block=block)
    return RankShares(cut, examples, block, ranks, False)
