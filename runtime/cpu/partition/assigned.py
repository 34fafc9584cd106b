"""What each thread does in one step of an entry, as a list that people and tests can read.

    thread 0      [0, 64)      %12 contract  net.nn:3
    thread 1      [64, 113)    %12 contract  net.nn:3
    -------- all threads wait
    thread 0      [0, 1)       %14 mul

Nothing is decided here: tasks are those of `divide.py`, and chunks and sums are taken in the order
of the dispatch loop (`runtime/cpu/interpreter/dispatch.py`).  A recurrence is listed with two time
steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import cached_property
from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, PartialReduction, Phase
from gradc_compiler.program.kernel_abi import share_start
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.divide import Teams, tasks_of
from gradc_runtime.cpu.partition.segments import BatchCut, cut_of
from gradc_runtime.cpu.partition.space_sizes import uses_partials
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask

SUM_GRAIN = MACHINE.line  # words of a sum over chunks, of which a thread's share is a multiple
ZEROING, KEEPING = "partial sums become 0", "results are kept"
STEPS = 2  # of a recurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What one thread does without waiting: an instruction on some rows, or what the dispatch loop
    itself does.
    """

    work: Instruction | PartialReduction | str
    thread: int | None  # None: whoever takes its chunk
    begin: int
    end: int
    waited: int  # how often, before it, this thread has waited for all others
    cut: int  # a number that all shares of one instruction and of its followers have in common
    chunk: int | None = None
    team: int | None = None
    inside: int = 0  # how often, before it, this thread has waited for its team
    place: int | None = None  # the argument that [begin, end) are iterations of; None: rows
    of: range = range(0)  # the examples that the instruction is run on

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
    waited, inside = 0, 0
    for one in work:
        yield from ["-------- all threads wait"] * (one.waited - waited)
        if one.team is not None and one.inside > inside:
            yield f"-------- team {one.team} waits"
        waited, inside = one.waited, one.inside
        yield str(one)


@dataclass
class _Assigner:
    """Goes through an entry as the dispatch loop does, for all threads at once."""

    entry: Entry
    examples: int
    block: int
    threads: int
    waited: int = field(default=0, init=False)
    cuts: int = field(default=0, init=False)
    inside: dict[int, int] = field(default_factory=dict, init=False)  # barriers of each team

    @cached_property
    def cut(self) -> BatchCut:
        """How the batch is cut."""
        return cut_of(self.entry, self.examples, self.block)

    def step(self) -> Iterator[Assigned]:
        """One step: all stages, then its results."""
        for phase in self.entry.phases:
            yield from self._batch(phase) if phase.examples else self._once(phase)
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
        **more: Any,
    ) -> Assigned:  # fmt: skip
        inside = self.inside.get(more.get("team", 0), 0)
        return Assigned(
            work=work, thread=thread, begin=begin, end=end, waited=self.waited, cut=self.cuts,
            inside=inside, **more,
        )  # fmt: skip

    def _once(self, phase: Phase) -> Iterator[Assigned]:
        """A serial stage: shares of all threads."""
        for task in tasks_of(self.entry, phase, self.block, self.threads):
            self.waited += task.wait and self.threads > 1
            self.cuts += not task.instruction.follows
            for thread in range(self.threads):
                place, own = _share(task, range(task.rows), thread, self.threads)
                if own:
                    yield self._one(task.instruction, thread, own.start, own.stop, place=place)

    def _batch(self, phase: Phase) -> Iterator[Assigned]:
        """A batch stage: each chunk is taken by whichever thread is free, or by teams in turn."""
        segment = self.cut.of(phase)
        blocks, chunks, teams = segment.blocks, segment.chunks, segment.teams(self.threads)
        for chunk in range(chunks):
            own = range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks)
            if teams.members > 1:
                yield from self._of_team(phase, chunk, teams, own)
            else:
                yield from self._alone(phase, chunk, own)

    def _alone(self, phase: Phase, chunk: int, blocks: range) -> Iterator[Assigned]:
        """What a thread alone does: all instructions on the blocks of a chunk."""
        size = self.cut.of(phase).block
        first, stop = (min(self.examples, k * size) for k in (blocks.start, blocks.stop))
        works: list[Instruction | str] = [ZEROING] if uses_partials(phase) else []
        for work in [*works, *phase.instructions]:
            self.cuts += 1
            yield self._one(work, None, first, stop, chunk=chunk, of=range(first, stop))

    def _of_team(self, phase: Phase, chunk: int, teams: Teams, blocks: range) -> Iterator[Assigned]:
        """What a team does: its members' shares of each instruction, block by block."""
        team, size = chunk % teams.count, self.cut.of(phase).block
        first, members = team * teams.members, range(teams.members)
        if uses_partials(phase):
            self.cuts += 1
            for member in members:
                yield self._one(ZEROING, first + member, 0, 1, chunk=chunk, team=team)
        for block in blocks:
            of = range(block * size, min(self.examples, (block + 1) * size))
            self.inside[team] = self.inside.get(team, 0) + 1
            for task in self._twice(phase, len(members)):
                self.inside[team] += task.wait
                self.cuts += 1
                for member in members:
                    place, ends = _share(task, of, member, len(members))
                    if ends:
                        yield self._one(
                            task.instruction, first + member, ends.start, ends.stop,
                            chunk=chunk, team=team, place=place, of=of,
                        )  # fmt: skip

    def _twice(self, phase: Phase, members: int) -> Iterator[ThreadTask]:
        """The tasks of a batch stage; those of a recurrence are there for two time steps."""
        tasks, heads = self._tasks(phase, members), {loop.start: loop for loop in phase.loops}
        k = 0
        while k < len(tasks):
            count = heads[k].count if k in heads else 1
            yield from tasks[k : k + count] * (STEPS if k in heads else 1)
            k += count

    def _tasks(self, phase: Phase, members: int) -> list[ThreadTask]:
        return tasks_of(self.entry, phase, self.cut.of(phase).block, members)


def _share(task: ThreadTask, of: range, member: int, members: int) -> tuple[int | None, range]:
    """A member's share: iterations of the loop that is cut, or some of the examples."""
    if task.cut is not None:
        return task.cut.place, task.share(task.cut.iterations(len(of)), member, members)
    share = task.share(len(of), member, members)
    return None, of[share.start : share.stop]
