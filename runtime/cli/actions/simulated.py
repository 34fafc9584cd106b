"""What `gradc bench --simulate` shows: a step on more threads than there are cores here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import repeat
from time import perf_counter

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.output import console, duration, table, write, write_json
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.tuning.profile import Profile
from gradc_runtime.cpu.tuning.roofline import Roofline
from gradc_runtime.cpu.tuning.simulate import Measured, Simulated, simulate
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.session import Session

THREADS = (1, 2, 8, 16, 32, 64)
CALLS = 3  # of which the first wakes threads
TURNS = 12  # in which one thread, several, and single instructions are timed, as machines drift


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
    alone, together, measured = _measured(session, name, inputs, batch, limits)
    found = {
        threads: _step(runner.entry, measured, batch, threads)
        for threads in sorted({*THREADS, session.threads})
    }
    scale = alone / found[1].seconds
    times = {1: alone, session.threads: together}
    return [
        Row(
            threads=threads, seconds=one.seconds * scale, binds=one.binds,
            speedup=found[1].seconds / one.seconds,
            teams=one.teams.count, members=one.teams.members, measured=times.get(threads),
        )
        for threads, one in found.items()
    ]  # fmt: skip


def _step(entry: Entry, measured: Measured, batch: int, threads: int) -> Simulated:
    block = block_of(entry, batch)
    return simulate(entry, measured, examples=batch, block=block, threads=threads)


def _measured(
    session: Session, name: str, inputs: Batches, batch: int, limits: tuple[Roofline, Roofline]
) -> tuple[float, float, Measured]:
    """Seconds of a step on one thread and on several, and all that a simulation wants to know."""
    runner = session.runner(name)
    assert isinstance(runner, Executable), "the command runs on the CPU"
    profile = Profile(runner, inputs)
    own = [float("inf")] * sum(len(phase.instructions) for phase in runner.entry.phases)
    best = dict.fromkeys((1, session.threads), float("inf"))
    for _ in repeat(None, TURNS):
        own = list(map(min, own, profile.seconds()))
        for threads in best:
            best[threads] = min(best[threads], _seconds_on(runner, inputs, batch, threads))
    items = [item for phase in runner.entry.phases for item in phase.instructions]
    several, one = limits
    steps = [int(rows.lengths.max()) for rows in profile.bound.clock.rows]
    footprint = runner.word * (session.memory.words.size + runner.entry.uniform_words)
    measured = Measured(
        seconds={id(item): seconds for item, seconds in zip(items, own, strict=True)},
        word=runner.word,
        steps=steps,
        footprint=footprint,
        memory=partial(_bandwidth, {1: one, several.threads: several}, footprint),
    )
    return best[1], best[session.threads], measured


def _seconds_on(runner: Executable, inputs: Batches, batch: int, threads: int) -> float:
    """The least seconds of a few steps on so many threads, however few would do."""
    taken = []
    for _ in repeat(None, CALLS):
        bound = runner.bind(inputs, 1, batch)
        begin = perf_counter()
        runner.call(bound.plan, 1, threads)
        taken.append(perf_counter() - begin)
    return min(taken)


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
    columns = ("threads", "a step", "speed-up", "of ideal", "teams", "binds", "measured")
    console().print(table(columns, _lines(rows)))


def _lines(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        measured = "" if row.measured is None else duration(row.measured)
        yield (
            str(row.threads), duration(row.seconds), f"{row.speedup:.2f}",
            f"{row.speedup / row.threads:.0%}", f"{row.teams} of {row.members}", row.binds,
            measured,
        )  # fmt: skip
