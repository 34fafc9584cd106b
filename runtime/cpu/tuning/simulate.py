"""A simulator of the schedule: what a step would take on more cores than there are here.

    found = simulate(entry, measured, examples=128, block=64, threads=32)
    found.seconds, found.binds

Tasks have the seconds that their instructions were measured to take on one thread; shares, teams,
chunks and barriers are those that threads would really have (`partition/divide.py`).  A thread's
clock goes on with its shares, and at a barrier all clocks are set to the latest.  Two things are
shared: memory, of which a thread has its part of what a socket moves, where a step's numbers do not
fit the caches of all; and barriers, at which threads arrive one after another: those of a group in
the time that is measured for it (`barrier_time.py`), the groups in one that is assumed, as they are
in other parts of a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from gradc_compiler.machine.cost_model import arrivals
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Phase
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.divide import Teams, tasks_of
from gradc_runtime.cpu.partition.segments import cut_of
from gradc_runtime.cpu.partition.space_sizes import uses_partials
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask

FAR = MACHINE.arrival_s  # seconds of an arrival from another part of the socket
SERIAL, IMBALANCE, BARRIERS, MEMORY = "serial part", "imbalance", "barriers", "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of each instruction in a step, on one thread; and what they were measured on."""

    seconds: Mapping[int, float]  # by the instruction's id
    word: int
    steps: Sequence[int] = ()  # time steps of a block, for each time
    footprint: int = 0  # bytes that a step reads or writes anywhere
    arrival: float = FAR  # of a thread at a barrier of those that share a cache
    memory: Callable[[int], float] = lambda threads: MACHINE.memory_bytes_per_ns * 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A step on some threads: its seconds, and the seconds of all threads that are lost, by why."""

    threads: int
    seconds: float
    lost: Mapping[str, float]
    teams: Teams

    @property
    def binds(self) -> str:
        """What costs most; "" where less than a hundredth is lost."""
        worst = max(self.lost, key=lambda why: self.lost[why])
        return worst if self.lost[worst] > 0.01 * self.seconds * self.threads else ""


@dataclass
class _Clocks:
    """The clocks of some threads, and what they have lost so far."""

    threads: int
    arrival: float
    lost: dict[str, float]
    at: list[float] = field(init=False)
    alone: float = 0.0  # since the last barrier, what only one has done
    waits: int = 0

    def __post_init__(self) -> None:
        self.at = [0.0] * self.threads

    def wait(self) -> None:
        """A barrier: whoever is early waits for the latest."""
        latest = max(self.at)
        idle = sum(latest - clock for clock in self.at)
        serial = min(idle, self.alone * (self.threads - 1))
        near, far = arrivals(self.threads) if self.threads > 1 else (0, 0)
        cost = self.arrival * near + FAR * far
        self.lost[SERIAL] += serial
        self.lost[IMBALANCE] += idle - serial
        self.lost[BARRIERS] += cost * self.threads
        self.at = [latest + cost] * self.threads
        self.alone = 0.0


def simulate(
    entry: Entry, measured: Measured, *, examples: int, block: int, threads: int
) -> Simulated:
    """A step of a batch on so many threads."""
    run = _Run(entry, measured, examples, block, threads)
    for phase in entry.phases:
        run.stage(phase)
    return Simulated(
        threads=threads, seconds=run.clocks.at[0], lost=run.clocks.lost, teams=run.teams
    )


class _Run:
    """One step."""

    def __init__(
        self, entry: Entry, measured: Measured, examples: int, block: int, threads: int
    ) -> None:
        self.entry, self.measured, self.threads = entry, measured, threads
        self.examples = examples
        self.cut = cut_of(entry, examples, block)
        self.teams = self.cut.usual.teams(threads)  # of the stages that are not wide
        self.taking = self.teams  # in the stage that is run
        lost = dict.fromkeys((SERIAL, IMBALANCE, BARRIERS, MEMORY), 0.0)
        self.clocks = _Clocks(threads, measured.arrival, lost)
        self.far = measured.footprint > threads * MACHINE.thread_cache_bytes

    def stage(self, phase: Phase) -> None:
        """One stage with its sums, and the barriers behind both."""
        if phase.examples:
            self._batch(phase)
        else:
            tasks = tasks_of(self.entry, phase, self.cut.usual.block, self.threads)
            self._tasks(self.clocks, tasks, 1.0, phase)
        self.clocks.wait()
        if phase.sums:
            words = sum(total.words for total in phase.sums)
            chunks = self.cut.of(phase).chunks
            seconds = words * (chunks + 1) / MACHINE.words_per_ns * 1e-9
            for thread in range(self.threads):
                self.clocks.at[thread] += seconds / self.threads
            self.clocks.wait()

    def _batch(self, phase: Phase) -> None:
        """Chunks, each taken by the team that is free first."""
        own = self.cut.of(phase)
        self.taking = own.teams(self.threads)
        members, count = self.taking.members, self.taking.count
        tasks = tasks_of(self.entry, phase, own.block, members)
        teams = [_Clocks(members, self.measured.arrival, self.clocks.lost) for _ in range(count)]
        for chunk in range(own.chunks):
            team = min(teams, key=lambda one: max(one.at))
            self._chunk(team, tasks, chunk, phase)
        start = self.clocks.at[0]
        ends = [start + clock for team in teams for clock in team.at]
        self.clocks.at[: len(ends)] = ends

    def _chunk(self, team: _Clocks, tasks: Sequence[ThreadTask], chunk: int, phase: Phase) -> None:
        """The blocks of a chunk."""
        own = self.cut.of(phase)
        blocks, chunks = own.blocks, own.chunks
        if uses_partials(phase):
            zeroed = self.entry.partial_words / MACHINE.words_per_ns * 1e-9
            team.at = [clock + zeroed / team.threads for clock in team.at]
        for number in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
            rows = min(own.block, self.examples - number * own.block)
            team.wait()
            self._tasks(team, tasks, rows / self.examples, phase)

    def _tasks(self, team: _Clocks, tasks: Sequence[ThreadTask], part: float, phase: Phase) -> None:
        """Tasks in order, of so great a part of the batch."""
        loops = {
            k: self.measured.steps[loop.time]
            for loop in phase.loops
            for k in range(loop.start, loop.start + loop.count)
        }
        rows = max(1, round(part * self.examples)) if phase.examples else 1
        for number, task in enumerate(tasks):
            for _ in range(loops.get(number, 1) if task.wait else 0):
                team.wait()
            self._task(team, task, part, rows)

    def _task(self, team: _Clocks, task: ThreadTask, part: float, rows: int) -> None:
        """One task: everybody's share of its seconds, or its owner's."""
        item = task.instruction
        seconds = self.measured.seconds[id(item)] * part
        if not task.shared or team.threads == 1:
            self._alone(team, task, seconds)
            return
        extent = rows_of(task, task.rows or rows)
        for member in range(team.threads):
            share = len(task.share(extent, member, team.threads)) / extent
            least = min(seconds, self._memory_seconds(item) * share * self.threads)
            own = seconds * share
            team.at[member] += max(own, least)
            team.lost[MEMORY] += max(0.0, least - own)

    def _alone(self, team: _Clocks, task: ThreadTask, seconds: float) -> None:
        """A task of one thread; in a batch stage other teams read the same words meanwhile."""
        teams = self.taking.count if task.rows == 0 else 1
        least = self._memory_seconds(task.instruction) * teams if self.threads > 1 else 0.0
        own = max(seconds, least)
        team.at[task.owner % team.threads] += own
        team.alone += own
        team.lost[MEMORY] += own - seconds

    def _memory_seconds(self, item: Instruction) -> float:
        """What it takes a socket to move weights and the like for an instruction."""
        moved = item.work.words * self.measured.word if self.far else 0
        return moved / self.measured.memory(self.threads)


def rows_of(task: ThreadTask, rows: int) -> int:
    """The iterations that are shared out: of what is cut, or rows, many of each for a sequence."""
    if task.cut is not None:
        return task.cut.iterations(rows)
    return rows if task.rows or task.instruction.time is None else rows * MACHINE.typical_batch
