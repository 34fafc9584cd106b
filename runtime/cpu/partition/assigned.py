"""What each thread does in one step of an entry, as a list that people and tests can read.

    thread 0      [0, 64)      %12 contract  net.nn:3
    thread 1      [64, 113)    %12 contract  net.nn:3
    -------- all threads wait
    thread 0      [0, 1)       %14 mul

Nothing here decides anything: tasks are those of `divide.py`, chunks and sums go as the walker
takes them (`runtime/cpu/interpreter/dispatch.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, PartialReduction, Phase
from gradc_runtime.cpu.codegen.number_types import share_start
from gradc_runtime.cpu.partition.divide import tasks_of
from gradc_runtime.cpu.partition.reduction_chunks import chunks_of
from gradc_runtime.cpu.partition.space_sizes import uses_partials

SUM_GRAIN = MACHINE.line  # words of a sum over chunks, of which a thread's share is a multiple
ZEROING, KEEPING = "partial sums become 0", "results are kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What one thread does without waiting: an instruction on some rows, or the walker's own."""

    work: Instruction | PartialReduction | str
    thread: int | None  # None: whoever takes its chunk
    begin: int
    end: int
    waited: int  # for all other threads, so often before it
    cut: int  # the same for all that are cut from one instruction, or from those that follow it
    chunk: int | None = None

    def __str__(self) -> str:
        """A line of the list."""
        if isinstance(self.work, PartialReduction):
            note = f"the chunks' sums of {self.work.words} words"
        else:
            note = self.work if isinstance(self.work, str) else self.work.note
        who = f"chunk {self.chunk}" if self.thread is None else f"thread {self.thread}"
        return f"{who:<12}  {f'[{self.begin}, {self.end})':<14}  {note}"


def assigned(
    entry: Entry, examples: int, block: int, threads: int, steps: int = 1
) -> list[Assigned]:
    """All that so many threads do in some steps; each thread goes through its own in order."""
    walk = _Assigner(entry, examples, block, threads)
    return [one for _ in range(steps) for one in walk.step()]


def text_of(work: list[Assigned]) -> Iterator[str]:
    """A line for each, and for each barrier."""
    waited = 0
    for one in work:
        yield from ["-------- all threads wait"] * (one.waited - waited)
        waited = one.waited
        yield str(one)


@dataclass
class _Assigner:
    """The walker, for all threads at once."""

    entry: Entry
    examples: int
    block: int
    threads: int
    waited: int = field(default=0, init=False)
    cuts: int = field(default=0, init=False)

    def step(self) -> Iterator[Assigned]:
        """One step: all stages, then its results."""
        for phase in self.entry.phases:
            yield from self._tasks(phase)
            self.waited += 1
            for sum in phase.sums:
                self.cuts += 1
                for thread in range(self.threads):
                    begin = share_start(sum.words, SUM_GRAIN, thread, self.threads)
                    end = share_start(sum.words, SUM_GRAIN, thread + 1, self.threads)
                    yield self._one(sum, thread, begin, end)
            self.waited += bool(phase.sums)
        if self.entry.results:
            self.cuts += 1
            yield self._one(KEEPING, 0, 0, len(self.entry.results))
            self.waited += 1

    def _one(
        self, work: Instruction | PartialReduction | str, thread: int | None, begin: int, end: int,
        chunk: int | None = None,
    ) -> Assigned:  # fmt: skip
        return Assigned(
            work=work, thread=thread, begin=begin, end=end, waited=self.waited,
            cut=self.cuts, chunk=chunk,
        )  # fmt: skip

    def _tasks(self, phase: Phase) -> Iterator[Assigned]:
        """A stage, by its tasks or by chunks."""
        tasks = tasks_of(self.entry, phase, self.examples, self.block)
        if phase.examples and not tasks:
            yield from self._chunks(phase)
            return
        if uses_partials(phase):
            self.cuts += 1
            yield self._one(ZEROING, 0, 0, self.entry.partial_words)
        for task in tasks:
            self.waited += task.wait
            self.cuts += task.part == 0 and not task.instruction.follows
            for thread in range(self.threads):
                if rows := task.rows_of(thread, self.threads):
                    yield self._one(task.instruction, thread, rows.start, rows.stop)

    def _chunks(self, phase: Phase) -> Iterator[Assigned]:
        """Whoever is free takes the next chunk: all instructions on its blocks."""
        blocks = -(-self.examples // self.block)
        chunks = chunks_of(self.entry, self.examples, self.block)
        for chunk in range(chunks):
            first, stop = (
                min(self.examples, c * blocks // chunks * self.block) for c in (chunk, chunk + 1)
            )
            works: list[Instruction | str] = [ZEROING] if uses_partials(phase) else []
            works += phase.instructions
            for work in works:
                self.cuts += 1
                yield self._one(work, None, first, stop, chunk)
