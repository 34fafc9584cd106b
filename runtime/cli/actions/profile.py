"""What `gradc profile` does: where the time of a step goes, by the lines of the spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.program import TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.bench import BATCH, WALKS
from gradc_runtime.cli.actions.cost import short
from gradc_runtime.cli.actions.line_times import (
    WAYS,
    InstructionTime,
    LineShares,
    LineTime,
    line_times,
)
from gradc_runtime.cli.actions.lowering import Lowering
from gradc_runtime.cli.actions.output import console, duration, say, table, tell, write, write_json
from gradc_runtime.cli.actions.plotting import require_plots
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cli.faults import Refused
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.tuning.instruction_profile import Profile
from gradc_runtime.cpu.tuning.roofline import Roofline, measure
from gradc_runtime.session.session import Session
from gradc_runtime.session.state import suggestion

DRAWING = "gradc_runtime.cli.actions.roofline_picture"  # imported where a picture is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """A step: its instructions and its lines, on one thread."""

    step: str
    batch: int
    timings: Sequence[InstructionTime]
    lines: Sequence[LineTime]
    texts: Mapping[int, str]  # of lines, as written
    limits: Roofline

    @property
    def seconds(self) -> float:
        """Of all instructions."""
        return sum(one.seconds for one in self.timings)

    @property
    def divided(self) -> float:
        """The part that was divided among lines by operations."""
        return sum(line.divided for line in self.lines) / max(self.seconds, 1e-12)


def profile(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the time of every line, and draw the roofline.

    Raises `Refused` for a spec without a train block, and for a step that it does not have.
    """
    if given["plot"]:
        require_plots()
    found = profiled(spec, given)
    if given["as_json"]:
        write_json(data_of(found))
    else:
        show(found)
    if given["plot"]:
        import_module(DRAWING).draw(found, given["plot"])
        say(f"wrote {given['plot']}")
    return 0


def profiled(spec: Path, given: Mapping[str, Any]) -> Profiled:
    """A step, timed.

    Raises `Refused` as `profile` does.
    """
    request = Request.of(spec, {**given, "threads": 1, "target": "cpu"})
    made = request.compile()
    program = made.program
    if program.training is None:
        raise Refused(f"{spec} has no train block, so there is no step to time")
    step = chosen_step(program.training.steps, given["step"])
    batch = int(given["batch"] or program.training.settings.get("batch", BATCH))
    session = request.session(program)
    timings = [*timed(session, step.entry, batch)]
    shares = LineShares.of(Lowering.of(made, step.entry, "cpu"))
    return Profiled(
        step=step.name,
        batch=batch,
        timings=timings,
        lines=line_times(timings, shares),
        texts=texts_of(made),
        limits=measure(1, session.memory.words.itemsize, process_time),
    )


def chosen_step(steps: Sequence[TrainStep], asked: str | None) -> TrainStep:
    """The step that is meant, else the first.

    Raises `Refused` where none has the name.
    """
    known = {step.name: step for step in steps}
    if asked is not None and asked not in known:
        raise Refused(f"no step is called {asked}{suggestion(asked, known)}")
    return known[asked] if asked is not None else steps[0]


def timed(session: Session, entry: str, batch: int) -> Iterator[InstructionTime]:
    """Every instruction, in order: the least of several times."""
    runner = session.runner(entry)
    assert isinstance(runner, Executable), "the command runs on the CPU"
    trial = Trial(program=session.program, start={}, examples=batch, seed=0, dtype=session.dtype)
    walked = Profile(runner, trial.inputs(entry))
    rows = walked.rows()
    walks = [walked.seconds() for _ in range(WALKS)]
    own = [min(times) for times in zip(*walks, strict=True)]
    made = [item for phase in runner.variant(batch).phases for item in phase.instructions]
    for item, seconds in zip(made, own, strict=True):
        turns = rows[0 if item.time is None else item.time + 1]
        words = item.work.words + item.work.words_each * turns
        count = item.work.operations + item.work.operations_each * turns
        yield InstructionTime(
            item=item, seconds=seconds, operations=count, bytes=words * runner.word
        )


def texts_of(made: Compilation) -> dict[int, str]:
    """The lines of the spec without comments."""
    lines = made.source.text.splitlines()
    return {number: line.split("#")[0].strip() for number, line in enumerate(lines, 1)}


def show(found: Profiled) -> None:
    """The table of lines, and how it came about."""
    rows = [line_row(line, found) for line in found.lines]
    sums = [sum(line.seconds[way] for line in found.lines) for way in WAYS]
    rows.append(["", "in all", *map(micro, sums), "100%", ""])
    columns = ["line", "written", *(f"{way} us" for way in WAYS), "share", "GFLOP/s"]
    console().print(table(columns, rows, right="line us share GFLOP/s forward backward update"))
    write(f"step {found.step}, batch {found.batch}: {duration(found.seconds)} on one thread")
    if found.divided > 0:
        tell(
            f"{found.divided:.0%} of it is in kernels that are for several lines: their time is "
            "divided by operations; --without whole-step or fusion has more of smaller kernels"
        )


def line_row(line: LineTime, found: Profiled) -> list[str]:
    """A line as a row of the table."""
    rate = line.operations / line.all / 1e9 if line.all > 0 else 0.0
    return [
        str(line.line or ""),
        short(found.texts.get(line.line, "no line of the spec")),
        *(micro(line.seconds[way]) for way in WAYS),
        f"{line.all / max(found.seconds, 1e-12):.0%}",
        f"{rate:.1f}",
    ]


def micro(seconds: float) -> str:
    """Microseconds."""
    return f"{1e6 * seconds:,.1f}" if seconds else ""


def data_of(found: Profiled) -> dict[str, Any]:
    """The same as data."""
    return {
        "step": found.step,
        "batch": found.batch,
        "seconds": found.seconds,
        "divided": found.divided,
        "lines": [
            {
                "line": line.line,
                "written": found.texts.get(line.line, ""),
                **line.seconds,
                "divided": line.divided,
                "operations": line.operations,
                "bytes": line.bytes,
            }
            for line in found.lines
        ],
        "limits": {
            "operations": found.limits.operations,
            "bandwidth": found.limits.bandwidth,
        },
    }
