"""An entry that several ranks run together on one batch: data-parallel training on the CPU.

    executable = SharedExecutable(entry, persistent, dtype, threads, ranks)

All ranks are given the whole batch and lay it out alike; each runs its range of the chunks
(`runtime/cpu/partition/rank_shares.py`).  After a batch stage the sums go along the ranks, added in
the order of the chunks, and come back as totals (`Ranks.along`).  What is done once, such as the
optimizer, every rank does.  A serial stage may read values of all examples, as a product that is
computed when all are done (`delay-reduction`) does: these are gathered first, the factors instead
of the product (Xie et al., "Distributed Machine Learning via Sufficient Factor Broadcasting", UAI
2016).
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry, Space
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.binding.io_binding import Arrays, address
from gradc_runtime.cpu.call_plan import BoundCall, CallPlan
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.packed_time import PackedTime
from gradc_runtime.cpu.partition.rank_shares import RankShares, shares_of
from gradc_runtime.cpu.replay import CapturedCall
from gradc_runtime.cpu.stage_tables import SumSlice, of_stage, of_sums, pieces, read_by_serial
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import of_rows
from gradc_runtime.ranks.group import Ranks
from gradc_runtime.session.backends import in_turn, parts


@dataclass
class StageRun:
    """One stage of a plan on one rank."""

    table: NDArray[np.int64]
    messages: list[list[SumSlice]]
    sums: list[NDArray[np.int64]]  # a table for each message
    out: list[NDArray[Any]]  # its words on the way there
    back: list[NDArray[Any]]  # and on the way back
    gathered: list[Array]  # of which every rank needs all rows before


@dataclass
class SharedPlan:
    """How this rank runs its part of a batch."""

    shares: RankShares
    plan: CallPlan
    stages: list[StageRun] = field(default_factory=list)


class SharedExecutable(Executable):
    """Runs one entry on a batch together with the other ranks."""

    def __init__(
        self, entry: Entry, persistent: NDArray[Any], dtype: Any, threads: int, ranks: Ranks
    ) -> None:
        super().__init__(entry, persistent, dtype, threads)
        block = ranks.of_first(self.entry.block)  # as it was measured there
        if block != self.entry.block:
            super().__init__(entry, persistent, dtype, threads, block)
        self.ranks = ranks
        self._shared: dict[int, SharedPlan] = {}

    def repeat(self, inputs: Batches) -> CapturedCall | None:
        """None: ranks have to meet."""
        return None

    def run(
        self, inputs: Batches, steps: int = 1, *, batch: int | None = None
    ) -> tuple[Arrays, Arrays]:
        """As one machine runs them, step after step."""
        count = self.exchange.examples(inputs, steps, batch)
        runs: Any = [self.step(part, count) for part in parts(inputs, steps)]
        found: Any = runs[0] if steps == 1 else in_turn(runs)
        results, outputs = found
        return results, outputs

    def step(self, inputs: Batches, examples: int) -> tuple[Arrays, Arrays]:
        """One step; every rank does all of a batch that is too small to be shared."""
        self.ranks.agree()
        shares = self.shares(examples)
        if shares is None:
            return super().run(inputs, 1, batch=examples)
        self.ranks.traffic.unlike += not shares.as_alone
        bound = self.bind_share(inputs, shares)
        shared = self.shared(shares, bound.plan)
        self.settle(bound.plan)
        for stage in shared.stages:
            for array in stage.gathered:
                ends = [shares.rows_of_rank(rank) for rank in range(shares.ranks)]
                self.ranks.gather(bound.plan.carried[array.name], ends)
            self.call(bound.plan, 1, bound.plan.threads, address(stage.table))
            if stage.messages:
                self.add_up(stage, bound.plan)
        kept = [
            self.uniform[result.offset : result.offset + words][np.newaxis].copy()
            for result, words in self.exchange.kept
        ]
        return self.exchange.results(kept), {}

    def shares(self, examples: int) -> RankShares | None:
        """How a batch is shared; None for one that is not."""
        entry = self.entry
        serial = [read_by_serial(phase) for phase in entry.phases if not phase.examples]
        of_time = {k for k, a in enumerate(entry.arrays, Space.ARRAY) if a.type.time is not None}
        of_time |= {k for k, a in enumerate(entry.arrays, Space.ARRAY) if a.role == "clock"}
        together = bool(entry.outputs) or any(of_time & spaces for spaces in serial)
        if together or self.variant(examples) is not entry:
            return None
        return shares_of(entry, examples, self.ranks.size)

    def bind_share(self, inputs: Batches, shares: RankShares) -> BoundCall:
        """A plan with the addresses of this batch: of its sequences this rank's, else all rows."""
        exchange, rank = self.exchange, self.ranks.rank
        begin, end = shares.rows_of_rank(rank)
        mine = of_rows(inputs, slice(begin, end) if begin < end else slice(0, 1))
        count = max(end - begin, 1)
        clock = PackedTime(
            self.entry.times, exchange.lengths(mine, count), 1, shares.block
        )  # of this rank's blocks
        if any(a > b for a, b in zip(clock.room(), self._room, strict=True)):
            room = [max(a, b) for a, b in zip(clock.room(), self._room, strict=True)]
            self._make_room(self._block_words, room)
        plan = self.plan(shares.examples)
        whole, own = exchange.inputs(inputs), exchange.inputs(mine)
        made: list[NDArray[Any]] = []
        for slot, array in enumerate(exchange.arrays, Space.ARRAY):
            of_time = array.type.time is not None
            given = own if of_time else whole
            made.append(self._array(array, given, clock, plan, count))
            moved = begin if array.role == "clock" and not of_time else 0
            row = made[-1].itemsize * array.type.size
            plan.words[slot] = address(made[-1]) - moved * row
        last = Space.ARRAY + len(exchange.arrays) + len(exchange.kept)
        block = clock.words.itemsize * bytecode.CLOCK * len(self.entry.times)
        plan.words[last] = address(clock.words) - shares.blocks_of_rank(rank)[0] * block
        return BoundCall(plan, clock, made, [])

    def _made(self, examples: int) -> CallPlan:
        """The plan for a batch size, laid out for all ranks."""
        shares = self.shares(examples)
        if shares is None:
            return super()._made(examples)
        return self.laid_out(shares.entry, examples, shares.block, True)

    def shared(self, shares: RankShares, plan: CallPlan) -> SharedPlan:
        """This rank's part of a plan, made once."""
        known = self._shared.get(shares.examples)
        if known is None or known.plan is not plan:
            known = SharedPlan(shares, plan, self._stages(shares, plan))
            self._shared = {**self._shared, shares.examples: known}
        return known

    def _stages(self, shares: RankShares, plan: CallPlan) -> list[StageRun]:
        """The stages of a plan, with what this rank sends after and gathers before each."""
        chunks, seen = shares.chunks_of_rank(self.ranks.rank), set[int]()
        stages: list[StageRun] = []
        for number, phase in enumerate(self.entry.phases):
            messages = pieces(phase.sums)
            tables = [of_sums(plan.table, message, chunks, self.word) for message in messages]
            for table in tables:
                table[bytecode.LAST] = int(self.ranks.rank == self.ranks.size - 1)
            sizes = [sum(piece.words for piece in message) for message in messages]
            read = frozenset() if phase.examples else read_by_serial(phase) - seen
            seen |= read
            arrays = enumerate(self.entry.arrays, Space.ARRAY)
            stages.append(
                StageRun(
                    of_stage(plan.table, number, chunks), messages, tables,
                    [np.empty(size, self.dtype) for size in sizes],
                    [np.empty(size, self.dtype) for size in sizes],
                    [a for k, a in arrays if k in read and a.role == "carried"],
                )
            )  # fmt: skip
        return stages

    def add_up(self, stage: StageRun, plan: CallPlan) -> None:
        """Add this rank's sums to those of the ranks before, and take the totals."""

        def add(k: int) -> None:
            if not self.ranks.first:
                self._unpack(stage.messages[k], stage.out[k])
            self.call(plan, 1, 1, address(stage.sums[k]))
            np.concatenate([self._words(piece) for piece in stage.messages[k]], out=stage.out[k])

        def take(k: int) -> None:
            self._unpack(stage.messages[k], stage.back[k])

        self.ranks.along(stage.out, stage.back, add, take)

    def _words(self, piece: SumSlice) -> NDArray[Any]:
        """Where UNIFORM has a piece of a sum."""
        return self.uniform[piece.uniform : piece.uniform + piece.words]

    def _unpack(self, message: list[SumSlice], words: NDArray[Any]) -> None:
        """Write the words of a message where they belong."""
        at = 0
        for piece in message:
            self._words(piece)[...] = words[at : at + piece.words]
            at += piece.words
