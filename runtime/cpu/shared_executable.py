"""An entry that several ranks run together on one batch: data-parallel training on the CPU.

    executable = SharedExecutable(entry, persistent, dtype, threads, ranks)

All ranks are given the whole batch and lay it out alike; each runs its range of the chunks
(`runtime/cpu/partition/rank_shares.py`).  After a batch stage the sums go along the ranks, added in
the order of the chunks, and come back as totals (`SumsOnWay`), while stages run that do not read
them (`runtime/cpu/partition/awaited_sums.py`).  What is done once, such as the optimizer, every
rank does.  A serial stage may read values of all examples, as a product that is computed when all
are done (`delay-reduction`) does: these are gathered first, the factors instead of the product (Xie
et al., "Distributed Machine Learning via Sufficient Factor Broadcasting", UAI 2016).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from functools import partial
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
from gradc_runtime.cpu.partition.awaited_sums import awaiting_parts
from gradc_runtime.cpu.partition.divide import tasks_of
from gradc_runtime.cpu.partition.rank_shares import RankShares, shares_of
from gradc_runtime.cpu.partition.segments import without_segments
from gradc_runtime.cpu.partition.space_sizes import partial_bytes, uses_partials
from gradc_runtime.cpu.replay import CapturedCall
from gradc_runtime.cpu.stage_tables import SumSlice, of_stage, of_sums, pieces, read_by_serial
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import of_rows
from gradc_runtime.ranks.group import Ranks
from gradc_runtime.ranks.sums_on_way import SumMessage, SumsOnWay
from gradc_runtime.session.backends import in_turn, parts


@dataclass
class StageRun:
    """One stage of a plan on one rank."""

    parts: list[tuple[NDArray[np.int64], int]]  # tables, and how many messages each waits for
    messages: list[SumMessage]
    gathered: list[Array]  # of which every rank needs all rows before
    keep: Callable[[], None] | None  # copies its sums, as a later stage clears them


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
        self.cut_alike = not entry.wide_block  # as one machine would cut a batch
        self.as_one = ranks.as_one
        if not (self.as_one and entry.wide_block):  # else every rank runs all, as one machine does
            entry = without_segments(entry)
        super().__init__(entry, persistent, dtype, threads)
        block = ranks.of_first(self.entry.block)  # as it was measured there
        if block != self.entry.block:
            super().__init__(entry, persistent, dtype, threads, block)
        self.ranks, self.way = ranks, SumsOnWay(ranks)
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
        traffic = self.ranks.traffic
        traffic.unlike += not (shares.as_alone and self.cut_alike)
        traffic.idle = max(traffic.idle, shares.idle)
        bound = self.bind_share(inputs, shares)
        shared = self.shared(shares, bound.plan)
        self.settle(bound.plan)
        for stage in shared.stages:
            self._stage(stage, bound.plan, shares)
        self.way.end()
        kept = [
            self.uniform[result.offset : result.offset + words][np.newaxis].copy()
            for result, words in self.exchange.kept
        ]
        return self.exchange.results(kept), {}

    def _stage(self, stage: StageRun, plan: CallPlan, shares: RankShares) -> None:
        """One stage, its parts as soon as what they read has come; then its sums go."""
        self.way.finish(stage.parts[0][1])
        for array in stage.gathered:
            ends = [shares.rows_of_rank(rank) for rank in range(shares.ranks)]
            self.ranks.gather(plan.carried[array.name], ends)
        for table, awaited in stage.parts:
            self.way.finish(awaited)
            self.call(plan, 1, plan.threads, address(table))
            self.way.progress()
        if stage.keep is not None:
            stage.keep()
        self.way.start(stage.messages)

    def shares(self, examples: int) -> RankShares | None:
        """How a batch is shared; None for one that is not."""
        entry = self.entry
        serial = [read_by_serial(phase) for phase in entry.phases if not phase.examples]
        of_time = {k for k, a in enumerate(entry.arrays, Space.ARRAY) if a.type.time is not None}
        of_time |= {k for k, a in enumerate(entry.arrays, Space.ARRAY) if a.role == "clock"}
        together = bool(entry.outputs) or any(of_time & spaces for spaces in serial)
        whole = self.as_one and not self.cut_alike
        if together or whole or self.variant(examples) is not entry:
            return None
        return shares_of(entry, examples, self.ranks.size, as_one=self.as_one)

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

    def partials(self) -> NDArray[Any]:
        """The partial sums: a row for each chunk."""
        row = partial_bytes(self.entry, self.word)
        rows = len(self._partials) // max(1, row)
        return self._partials[: rows * row].view(self.dtype).reshape(rows, row // self.word)

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
        sent: list[list[tuple[int, int]]] = []  # words of UNIFORM, by message
        for number, phase in enumerate(self.entry.phases):
            tasks = tasks_of(self.entry, phase, plan.block, plan.threads)
            done = [task.instruction for task in tasks]
            parts = [
                (of_stage(plan.table, number, chunks, part.instructions), part.messages)
                if not phase.examples
                else (of_stage(plan.table, number, chunks), part.messages)
                for part in awaiting_parts(self.entry, phase, done, sent)
            ]
            read = frozenset() if phase.examples else read_by_serial(phase) - seen
            seen |= read
            arrays = enumerate(self.entry.arrays, Space.ARRAY)
            gathered = [a for k, a in arrays if k in read and a.role == "carried"]
            clears = any(uses_partials(later) for later in self.entry.phases[number + 1 :])
            sums = [KeptSums(self, plan, message, chunks, clears) for message in pieces(phase.sums)]
            sent += [[(p.uniform, p.uniform + p.words) for p in one.pieces] for one in sums]
            keep = partial(_each, [one.keep for one in sums]) if clears and sums else None
            stages.append(StageRun(parts, [one.message() for one in sums], gathered, keep))
        return stages


def _each(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()


class KeptSums:
    """The sums of one message: this rank's chunks of them, and how those are added."""

    def __init__(
        self, executable: SharedExecutable, plan: CallPlan, pieces: list[SumSlice],
        chunks: tuple[int, int], clears: bool,
    ) -> None:  # fmt: skip
        self.executable, self.plan, self.pieces, self.chunks = executable, plan, pieces, chunks
        words = sum(piece.words for piece in pieces)
        self.out, self.back = (np.empty(words, executable.dtype) for _ in range(2))
        begin, end = chunks
        self.kept = np.empty((end - begin if clears else 0, words), executable.dtype)
        self.partials = executable.partials()
        base, far = executable.uniform, address(self.kept) - address(self.partials)
        self.table = of_sums(
            plan.table, pieces, chunks, executable.word, address(self.out) - address(base),
            far if clears else None,
        )  # fmt: skip
        ranks = executable.ranks
        self.table[bytecode.LAST] = int(ranks.rank == ranks.size - 1)

    def message(self) -> SumMessage:
        """The message that brings them to other ranks."""
        return SumMessage(self.out, self.back, self.add, self.take)

    def keep(self) -> None:
        """Copy the chunks' sums."""
        begin, end = self.chunks
        at = 0
        for piece in self.pieces:
            source = self.partials[begin:end, piece.partial : piece.partial + piece.words]
            self.kept[:, at : at + piece.words] = source
            at += piece.words

    def add(self) -> None:
        """Add this rank's chunks to those of the ranks before."""
        self.executable.call(self.plan, 1, 1, address(self.table))

    def take(self, totals: NDArray[Any]) -> None:
        """Write the totals where they belong."""
        at = 0
        for piece in self.pieces:
            place = slice(piece.uniform, piece.uniform + piece.words)
            self.executable.uniform[place] = totals[at : at + piece.words]
            at += piece.words
