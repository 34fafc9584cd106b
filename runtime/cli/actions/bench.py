"""What `gradc bench` measures: steps, and every instruction of a step, beside their limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.program.entry import Entry, Instruction
from gradc_compiler.program.program import Program, TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions import simulated
from gradc_runtime.cli.actions.output import (
    console,
    counted,
    duration,
    size,
    table,
    tell,
    write_json,
)
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.trial import Trial, inexact, off_by
from gradc_runtime.cli.actions.tune import tune_steps
from gradc_runtime.cli.faults import Refused
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.tuning.instruction_profile import Profile
from gradc_runtime.cpu.tuning.roofline import Roofline, measure
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import end_to_end
from gradc_runtime.session.session import Session

SECONDS = 1.0  # for which a step is timed
CALL, MOST = 1e-3, 256  # seconds that a call is to take, of at most so many steps
WALKS = 20  # of the table, of which each instruction's least time counts
SHOWN = 12  # instructions in the table
BATCH = 32
Run = Callable[[Batches, int, int], object]  # inputs, steps and examples of each


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchLine:
    """One instruction: its seconds in a step, and the least that its work could take."""

    what: str
    kernel: str
    operations: int
    bytes: int
    seconds: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One step: its seconds on all threads, the limit, and its instructions on one thread."""

    step: str
    batch: int
    threads: int
    seconds: float
    limit: float
    block: int
    tuned: bool
    lines: list[BenchLine]
    inexact: dict[str, int]  # rewrites of the step, and how often each
    off: float  # the greatest difference from the exact form, relative to the largest number


def bench(spec: Path, given: Mapping[str, Any]) -> int:
    """Print a table for every step of the train block.

    Raises `Refused` for a spec without a train block.
    """
    request = Request.of(spec, given)
    program = request.compile().program
    if program.training is None:
        raise Refused(f"{spec} has no train block, so there is no step to time")
    batch = int(given["batch"] or program.training.settings.get("batch", BATCH))
    session = request.session(program)
    if session.target == "cuda":
        on_gpu: Any = import_module("gradc_runtime.cli.actions.bench_cuda").report
        return int(on_gpu(session, program, batch, sheet=given["gpu"], as_json=given["as_json"]))
    if given["tune"]:
        tune_steps(session, batch)
    word = session.memory.words.itemsize
    limits = measure(session.threads, word)
    both = limits, limits if session.threads == 1 else measure(1, word)
    steps = program.training.steps
    if given.get("simulate"):
        return simulated.report(session, [s.entry for s in steps], batch, both, given["as_json"])
    report([timed(session, program, step, batch, both) for step in steps], limits, given["as_json"])
    return 0


def report(found: Sequence[Timed], limits: Roofline, as_json: bool) -> None:
    """The figures of all steps, below those of the machine."""
    if as_json:
        write_json([asdict(step) for step in found])
        return
    tell(f"limits: {limits.operations / 1e9:.0f} GFLOP/s, "
          + ", ".join(f"{rate / 1e9:.0f} GB/s within {size(n)}"
                      for n, rate in limits.bandwidth.items()))  # fmt: skip
    for step in found:
        show(step)


def timed(
    session: Session, program: Program, of: TrainStep, batch: int, limits: tuple[Roofline, Roofline]
) -> Timed:
    """One step's figures."""
    runner = session.runner(of.entry)
    assert isinstance(runner, Executable), "the command runs on the CPU"
    entry = runner.variant(batch)
    trial = Trial(program=program, start={}, examples=batch, seed=0, dtype=session.dtype)
    inputs = trial.inputs(of.entry)
    both, one = limits
    footprint = sum(p.type.size for p in program.persistents) * session.memory.words.itemsize
    lines = list(instructions(entry, runner, inputs, one))
    run = partial(session.tables.run, of.entry, runner)
    used = inexact(session.program, [of.entry])
    operations = sum(line.operations for line in lines)
    moved = necessary_bytes(entry, program, batch, runner.word)
    return Timed(
        step=of.name,
        batch=batch,
        threads=session.threads,
        seconds=step_seconds(run, inputs, batch, alone=len(program.training.steps) > 1),
        limit=both.seconds(operations=operations, bytes=moved, footprint=footprint),
        block=runner.entry.block,
        tuned=runner.entry.block != program.entries[of.entry].block,
        lines=lines,
        inexact=used,
        off=off_by(trial, of.gradients) if used else 0.0,
    )


def step_seconds(run: Run, inputs: Batches, batch: int, *, alone: bool) -> float:
    """The median time of a step, made as in training: short ones several in a call, but where it
    takes turns with others.
    """
    one = min(run_seconds(run, inputs, 1, batch) for _ in range(3))
    count = 1 if alone else max(1, min(MOST, int(CALL / one)))
    many = end_to_end([inputs] * count)
    samples: list[float] = []
    start = perf_counter()
    while len(samples) < 5 or perf_counter() - start < SECONDS:
        samples.append(run_seconds(run, many, count, batch) / count)
    return median(samples)


def run_seconds(run: Run, inputs: Batches, steps: int, batch: int) -> float:
    """The time of a call."""
    begin = perf_counter()
    run(inputs, steps, batch)
    return perf_counter() - begin


def necessary_bytes(entry: Entry, program: Program, batch: int, word: int) -> int:
    """What a step must move: its inputs and outputs, what persists, and what it updates."""
    arrays = sum(a.type.size for a in entry.arrays if a.role in ("input", "output")) * batch
    sizes = {p.name: p.type.size for p in program.persistents}
    read = {str(n.op.key) for n in entry.graph.nodes if n.op.name == "persistent"}
    written = of_role(Role.UPDATE, entry.graph.outputs).keys() & sizes.keys()
    return word * (arrays + sum(sizes[name] for name in read) + sum(sizes[n] for n in written))


def instructions(
    entry: Entry, runner: Executable, inputs: Batches, limits: Roofline
) -> Iterator[BenchLine]:
    """Every instruction, in order."""
    profile = Profile(runner, inputs)
    rows = profile.rows()
    walks = [profile.seconds() for _ in range(WALKS)]
    own = [min(times) for times in zip(*walks, strict=True)]
    made = [item for phase in entry.phases for item in phase.instructions]
    for item, seconds in zip(made, own, strict=True):
        own_rows = rows[0 if item.time is None else item.time + 1]
        operations = item.work.operations + item.work.operations_each * own_rows
        moved = (item.work.words + item.work.words_each * own_rows) * runner.word
        yield BenchLine(
            what=item.note,
            kernel=kernel_of(entry, item),
            operations=operations,
            bytes=moved,
            seconds=seconds,
            limit=limits.seconds(operations=operations, bytes=moved, footprint=moved),
        )


def kernel_of(entry: Entry, item: Instruction) -> str:
    """A library kernel's name; `loops` for a generated one."""
    kernel = entry.kernels[item.kernel]
    return "loops" if kernel.source else kernel.name


def show(step: Timed) -> None:
    """The table of a step: the instructions with the most to lose, the furthest first."""
    rate = 1 / step.seconds
    tell(f"\nstep {step.step}, batch {step.batch}, {step.threads} threads: "
          f"{duration(step.seconds)} ({rate:,.0f} a second), "
          f"{step.limit / step.seconds:.0%} of the machine's limit; "
          f"blocks of {counted(step.block, 'example')}{', tuned' * step.tuned}")  # fmt: skip
    whole = sum(line.seconds for line in step.lines)
    worst = sorted(step.lines, key=lambda line: line.limit - line.seconds)
    rows = [
        (f"{1e6 * line.seconds:.1f}", share(line.seconds, whole),
         share(line.limit, max(line.seconds, line.limit)), line.kernel, line.what)
        for line in worst[:SHOWN]
    ]  # fmt: skip
    columns = ["us", "of the step", "of its limit", "kernel", "what"]
    console().print(table(columns, rows, right="us of"))
    if step.inexact:
        names = ", ".join(f"{name} ({count})" for name, count in step.inexact.items())
        tell(f"inexact: {names}; off by {step.off:.1g}; --exact does without")
    tell(f"furthest from its limit: {worst[0].what}")


def share(part: float, whole: float) -> str:
    """A part in percent; a dash where all was too short for the clock."""
    return f"{part / whole:.0%}" if whole else "-"
