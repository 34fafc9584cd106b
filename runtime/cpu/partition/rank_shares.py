"""Which chunks of a batch each rank runs, where several train one network.

Every rank lays out the same batch and runs a range of its chunks.  The sums over chunks go from
rank to rank in the order in which one machine would add them, so the result has the same bits for
any number of ranks, as long as there are chunks for all.  If there are not, the batch is cut into
more chunks; its sums are then added in another order and may differ by rounding.  They may also
differ with more than MOST_CHUNKS chunks: sums of so many are compensated, and each rank compensates
those of its own chunks.
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
    """How ranks share a batch of `examples`, which is laid out in blocks of `block`."""

    entry: Entry
    examples: int
    block: int
    ranks: int
    as_alone: bool  # whether one machine would lay the batch out in the same way

    @property
    def chunks(self) -> int:
        """The chunks of the whole batch."""
        return chunks_of(self.entry, self.examples, self.block)

    def chunks_of_rank(self, rank: int) -> tuple[int, int]:
        """The chunks of a rank: the first, and the one after the last."""
        return rank * self.chunks // self.ranks, (rank + 1) * self.chunks // self.ranks

    def blocks_of_rank(self, rank: int) -> tuple[int, int]:
        """The blocks of a rank: the first, and the one after the last."""
        blocks, chunks = -(-self.examples // self.block), self.chunks
        first, last = self.chunks_of_rank(rank)
        return first * blocks // chunks, last * blocks // chunks

    def rows_of_rank(self, rank: int) -> tuple[int, int]:
        """The examples of a rank: the first, and the one after the last."""
        first, last = self.blocks_of_rank(rank)
        return min(first * self.block, self.examples), min(last * self.block, self.examples)


def shares_of(entry: Entry, examples: int, ranks: int) -> RankShares | None:
    """How ranks share a batch; None if it is faster that every rank runs all of it."""
    block = block_of(entry, examples)
    chunks = chunks_of(entry, examples, block)
    if chunks >= ranks:
        return RankShares(entry, examples, block, ranks, chunks <= MOST_CHUNKS)
    if examples < WORTH_SHARING * ranks:
        return None
    block = min(block, examples // ranks)
    cut = replace(entry, chunks=max(ranks, entry.chunks), block=block)
    return RankShares(cut, examples, block, ranks, False)
