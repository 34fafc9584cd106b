"""What `gradc bench --simulate` shows: a step on more threads than there are cores here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import count
from time import perf_counter

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.output import console, duration, table, write, write_json
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.partition.segments import cut_of
from gradc_runtime.cpu.tuning.barrier_time import arrival_seconds
from gradc_runtime.cpu.tuning.instruction_profile import Profile
from gradc_runtime.cpu.tuning.roofline import Roofline
from gradc_runtime.cpu.tuning.simulate import Measured, Simulated, simulate
from gradc_runtime.cpu.tuning.undisturbed import NEVER, Timing, timed
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.session import Session

THREADS = (1, 2, 8, 16, 32, 64)
CALLS, TURN = 3, 0.05  # of a step at least, the first of which wakes threads; seconds of calls
TURNS = 12  # in which one thread, several, and single instructions are timed, as machines drift
PATIENCE = 10.0  # seconds for which more turns wait for calls that nobody disturbs


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A number of threads: the seconds of a step, and what was measured, if it was."""

    threads: int
    seconds: float
    speedup: float
    binds: str
    teams: int
    members: int
    measured: float | None = None
    cores: float | None = None  # that the measured step had, of as many as it has threads
    disturbed: bool = False  # whether others had them for a part of it


def report(
    session: Session, names: Sequence[str], batch: int, limits: tuple[Roofline, Roofline],
    as_json: bool,
) -> int:  # fmt: skip
    """Print a table for every step, or all as data."""
    found = {name: rows_of(session, name, batch, limits) for name in names}
    if as_json:
        write_json([{"step": n, "threads": [asdict(row) for row in r]} for n, r in found.items()])
    called = {step.entry: step.name for step in session.training.steps}
    for name, rows in found.items() if not as_json else ():
        show(called[name], batch, rows)
    return 0


def rows_of(
    session: Session, name: str, batch: int, limits: tuple[Roofline, Roofline]
) -> list[Row]:
    """A step on each number of threads; none where it is a single kernel of one thread."""
    runner = session.runner(name)
    assert isinstance(runner, Executable), "the command runs on the CPU"
    if runner.variant(batch) is not runner.entry:
        return []
    trial = Trial(program=session.program, start={}, examples=batch, seed=0, dtype=session.dtype)
    inputs = trial.inputs(name)
    times, measured = _measured(session, name, inputs, batch, limits)
    found = {
        threads: _step(runner.entry, measured, batch, threads)
        for threads in sorted({*THREADS, session.threads})
    }
    alone = found[1].seconds
    scale = times[1].seconds / alone
    return [_row(one, alone, scale, times.get(threads)) for threads, one in found.items()]


def _row(one: Simulated, alone: float, scale: float, measured: Timing | None) -> Row:
    """A row; `scale` is what one thread takes beside the sum of its instructions."""
    row = Row(
        threads=one.threads, seconds=one.seconds * scale, binds=one.binds,
        speedup=alone / one.seconds, teams=one.teams.count, members=one.teams.members,
    )  # fmt: skip
    if measured is None:
        return row
    return replace(
        row, measured=measured.seconds, cores=measured.cores, disturbed=measured.disturbed
    )


def _step(entry: Entry, measured: Measured, batch: int, threads: int) -> Simulated:
    block = cut_of(entry, batch).usual.block
    return simulate(entry, measured, examples=batch, block=block, threads=threads)


def _measured(
    session: Session, name: str, inputs: Batches, batch: int, limits: tuple[Roofline, Roofline]
) -> tuple[dict[int, Timing], Measured]:
    """A step on one thread and on several, and all that a simulation wants to know."""
    runner = session.runner(name)
    assert isinstance(runner, Executable), "the command runs on the CPU"
    profile = Profile(runner, inputs)
    own = [float("inf")] * sum(len(phase.instructions) for phase in runner.entry.phases)
    best = dict.fromkeys((1, session.threads), NEVER)
    until = perf_counter() + PATIENCE
    for turn in count():
        if turn >= TURNS and not (_is_any_disturbed(best) and perf_counter() < until):
            break
        own = list(map(min, own, profile.seconds()))
        for threads in best:
            best[threads] = min(best[threads], _time_on(runner, inputs, batch, threads))
    return best, _as_measured(session, runner, profile, own, limits)


def _as_measured(
    session: Session, runner: Executable, profile: Profile, own: Sequence[float],
    limits: tuple[Roofline, Roofline],
) -> Measured:  # fmt: skip
    """What a simulation wants to know."""
    items = [item for phase in runner.entry.phases for item in phase.instructions]
    several, one = limits
    footprint = runner.word * (session.memory.words.size + runner.entry.uniform_words)
    return Measured(
        seconds={id(item): seconds for item, seconds in zip(items, own, strict=True)},
        word=runner.word,
        steps=[int(rows.lengths.max()) for rows in profile.bound.clock.rows],
        footprint=footprint,
        memory=partial(_bandwidth, {1: one, several.threads: several}, footprint),
        arrival=arrival_seconds(max(2, session.threads), runner.word),
    )


def _is_any_disturbed(times: Mapping[int, Timing]) -> bool:
    return any(timing.disturbed for timing in times.values())


def _time_on(runner: Executable, inputs: Batches, batch: int, threads: int) -> Timing:
    """The best of some steps on so many threads, however few would do."""
    found: list[Timing] = []
    until = perf_counter() + TURN
    while len(found) < CALLS or perf_counter() < until:
        bound = runner.bind(inputs, 1, batch)
        found.append(timed(partial(runner.call, bound.plan, 1, threads), threads))
    return min(found)


def _bandwidth(known: Mapping[int, Roofline], footprint: int, threads: int) -> float:
    """Bytes a second that so many threads get: measured, or a socket's at most."""

    def rate(limits: Roofline) -> float:
        moved = 1e6
        return moved / limits.seconds(operations=0, bytes=moved, footprint=footprint)

    if threads in known:
        return max(rate(limits) for limits in known.values())
    return min(threads * rate(known[1]), 1e9 * MACHINE.memory_bytes_per_ns)


def show(step: str, batch: int, rows: list[Row]) -> None:
    """The table of a step."""
    if not rows:
        write(f"\nstep {step}, batch {batch}: a single kernel, which one thread runs")
        return
    write(f"\nstep {step}, batch {batch}, simulated:")
    if any(row.disturbed for row in rows):
        write("disturbed: other programs had a core meanwhile, so what is measured is too long")
    columns = ("threads", "a step", "speed-up", "of ideal", "teams", "binds", "measured")
    console().print(table(columns, _lines(rows)))


def _lines(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        yield (
            str(row.threads), duration(row.seconds), f"{row.speedup:.2f}",
            f"{row.speedup / row.threads:.0%}", f"{row.teams} of {row.members}", row.binds,
            _measured_text(row),
        )  # fmt: skip


def _measured_text(row: Row) -> str:
    """What was measured, beside the simulation; or how many cores it had, where others had some."""
    if row.measured is None:
        return ""
    if row.disturbed:
        return f"{duration(row.measured)} (on {row.cores:.2f} cores)"
    return f"{duration(row.measured)} ({row.measured / row.seconds - 1:+.0%})"
