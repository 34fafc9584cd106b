"""Which chunks of a batch each rank runs, where several train one network.

Every rank lays out the same batch and runs a range of its chunks.  The sums over chunks go from
rank to rank in the order in which one machine would add them, so the result has the same bits for
any number of ranks, as long as there are chunks for all.  If there are not, the batch is cut into
more chunks; its sums are then added in another order and may differ by rounding.  They may also
differ with more than MOST_CHUNKS chunks: sums of so many are compensated, and each rank compensates
those of its own chunks.

Whoever wants the bits of one machine in any case says so (`as_one`).  Then no batch is cut
differently: of more ranks than chunks some have none and only pass sums on, and a batch for which
even that would not do is run whole by every rank.
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
        """The chunks of a rank: the first, and the one after the last.

        With fewer chunks than ranks the first ranks have one each, and the last rank the last: sums
        begin at rank 0 with the first chunk, and are divided where they end.
        """
        chunks = self.chunks
        if chunks >= self.ranks:
            return rank * chunks // self.ranks, (rank + 1) * chunks // self.ranks
        if rank == self.ranks - 1:
            return chunks - 1, chunks
        return min(rank, chunks - 1), min(rank + 1, chunks - 1)

    @property
    def idle(self) -> int:
        """How many ranks have no chunk."""
        return max(0, self.ranks - self.chunks)

    def blocks_of_rank(self, rank: int) -> tuple[int, int]:
        """The blocks of a rank: the first, and the one after the last."""
        blocks, chunks = -(-self.examples // self.block), self.chunks
        first, last = self.chunks_of_rank(rank)
        return first * blocks // chunks, last * blocks // chunks

    def rows_of_rank(self, rank: int) -> tuple[int, int]:
        """The examples of a rank: the first, and the one after the last."""
        first, last = self.blocks_of_rank(rank)
        return min(first * self.block, self.examples), min(last * self.block, self.examples)


def shares_of(
    entry: Entry, examples: int, ranks: int, *, as_one: bool = False
) -> RankShares | None:
    """How ranks share a batch; None if every rank runs all of it, as that is faster, or as no other
    way gives the bits of one machine, which `as_one` asks for.
    """
    block = block_of(entry, examples)
    chunks = chunks_of(entry, examples, block)
    if as_one and not 1 < chunks <= MOST_CHUNKS:
        return None
    if as_one or chunks >= ranks:
        return RankShares(entry, examples, block, ranks, chunks <= MOST_CHUNKS)
    if examples < WORTH_SHARING * ranks:
        return None
    block = min(block, examples // ranks)
    cut = replace(entry, chunks=max(ranks, entry.chunks), block=block)
    return RankShares(cut, examples, block, ranks, False)
