"""What `gradc train` does: compile, load the data, make or find the folder of the run, train."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from gradc_compiler.pipeline import Compilation, switched
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites.driver import KEEP
from gradc_compiler.syntax.parse.read_file import STANDARD_INPUT
from gradc_runtime.cli.actions import diagnostics
from gradc_runtime.cli.actions.branched_run import branched
from gradc_runtime.cli.actions.compiling import compiled
from gradc_runtime.cli.actions.next_step import next_step
from gradc_runtime.cli.actions.output import counted, say, strict, write
from gradc_runtime.cli.actions.plotting import require_plots
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.tensorboard import write_events
from gradc_runtime.cli.actions.tune import tune_steps
from gradc_runtime.cli.actions.unscaled_inputs import unscaled_inputs
from gradc_runtime.cli.actions.watching import show_watched, watches
from gradc_runtime.cli.actions.with_weights import take_weights
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.arrays.examples import ROWS
from gradc_runtime.ranks.group import Ranks
from gradc_runtime.ranks.launched import is_one_of_several
from gradc_runtime.session.history import History
from gradc_runtime.session.session import Session
from gradc_runtime.session.session_config import SessionConfig
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.folder_lock import held
from gradc_runtime.training.display import Display
from gradc_runtime.training.gradient_monitor import Monitors
from gradc_runtime.training.memory_limit import RunFrame, within
from gradc_runtime.training.progress import Plain, display, duration, metrics_of, shown
from gradc_runtime.training.run_folder import Row, RunFolder
from gradc_runtime.training.trainer import Trainer

PICTURE = "metrics.png"
RANKED = "gradc_runtime.cli.actions.train_ranks"


class TrainLines(Plain):
    """Each epoch as a line of JSON on standard output, and nothing more there."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """One line."""
        write(json.dumps(strict(dict(row))))

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The last line of a run comes from the command."""


def train(spec: Path | None, resume: str | None, given: Mapping[str, Any]) -> int:
    """Train; the exit code."""
    if given["plot"]:
        require_plots()
    if is_one_of_several():
        found: int = import_module(RANKED).train(spec, resume, given)
        return found
    return led(spec, resume, given, None)


def led(
    spec: Path | None, resume: str | None, given: Mapping[str, Any], ranks: Ranks | None
) -> int:
    """Train alone, or as the first of several ranks."""
    with ExitStack() as until_the_end:
        folder = None if resume is None else folder_of(resume, spec, given)
        if folder is not None:
            until_the_end.enter_context(held(folder.path))
        return trained(spec, folder, given, until_the_end, ranks)


def trained(
    spec: Path | None, folder: RunFolder | None, given: Mapping[str, Any],
    until_the_end: ExitStack, ranks: Ranks | None,
) -> int:  # fmt: skip
    """Train in a folder, or in a new one."""
    request = request_of(spec, folder, given)
    if ranks is not None:
        request = for_ranks(ranks.of_first(request), ranks)
    made = request.compile()
    diagnostics.brief(made.program.warnings, request.spec)
    session = request.session(in_its_memory(request, made))
    take_weights(session, given)
    data = request.dataset(session)
    settings = resolve(session.training.settings, seed=session.seed, **request.settings)
    watch = watches(session, made, given["watch"])
    if given["tune"]:
        tune_steps(session, settings.batch)
    compiled(session, settings.batch, watched="gradients" in given["watch"])
    new = folder is None
    folder = folder or new_folder(session, given, until_the_end)
    screen: Display = TrainLines() if given["as_json"] else display()
    trainer = Trainer(
        session, data, settings, folder=folder, display=screen,
        watch=Monitors(watch) if watch else None,
        checkpoint_seconds=given["save_every"], ranks=ranks,
    )  # fmt: skip
    changed = not new and spec_changed(folder, session)
    introduce(trainer, folder, request.spec, changed=changed)
    if not new:
        trainer.resume()  # or refuse to, before anything that is asked now is kept
    request.trained_on(data).write(folder.path)
    if given["tensorboard"]:
        write_events(trainer, folder)
    summary = trainer.run()
    show_watched(watch, folder.path)
    conclude(summary, trainer, folder, spec=request.spec, as_json=given["as_json"])
    draw_if_asked(summary, folder, given)
    return summary.exit_code


def new_folder(session: Session, given: Mapping[str, Any], until_the_end: ExitStack) -> RunFolder:
    """A folder for a new run, which nobody else may train in."""
    folder = RunFolder.new(given["out"], given["name"] or session.program.name)
    until_the_end.enter_context(held(folder.path))
    return folder


def draw_if_asked(summary: History, folder: RunFolder, given: Mapping[str, Any]) -> None:
    """The curves of a run as a picture, with `--plot`."""
    if given["plot"] and summary.rows:
        import_module("gradc_runtime.training.curves").draw(summary.rows, folder.path / PICTURE)
        say(f"as a picture: {folder.path / PICTURE}")


def folder_of(resume: str, spec: Path | None, given: Mapping[str, Any]) -> RunFolder:
    """The run to go on with: a folder that is named, or the last one of the spec's name.

    Raises `Refused` for a folder that is not of a run.
    """
    if resume:
        path = Path(resume)
        if path.is_file():
            return branched(path, given["out"], given["name"])
        path = path if path.is_dir() else given["out"] / resume
        folder = RunFolder(path)
        if not folder.is_run():
            raise Refused(f"{resume} is not the folder of a run")
        return folder
    assert spec is not None, "a run is found by its folder or by its spec"
    stem = "stdin" if spec == STANDARD_INPUT else spec.stem
    return RunFolder.latest(given["out"], given["name"] or stem)


def request_of(spec: Path | None, folder: RunFolder | None, given: Mapping[str, Any]) -> Request:
    """What is asked now, above what the run was started with.

    Raises `Refused` where the run's spec is gone.
    """
    earlier = None if folder is None else Request.read(folder.path)
    if spec is None:
        if earlier is None or not earlier.spec.is_file():
            assert folder is not None, "without a spec there is a run"
            raise Refused(f"the spec of {folder.path} is gone: gradc train SPEC --resume")
        spec = earlier.spec
    request = Request.of(spec, given)
    return request if earlier is None else request.above(earlier)


def for_ranks(request: Request, ranks: Ranks) -> Request:
    """A request whose threads leave the cores of a machine to all ranks that are on it."""
    if request.threads is not None:
        return request
    cores = len(os.sched_getaffinity(0))
    return replace(request, threads=max(1, cores // ranks.neighbours))


def in_its_memory(request: Request, made: Compilation) -> Program:
    """The program that takes no more memory than is allowed, if anything is said about that.

    Raises `Refused` on other targets, `SessionError` where too little is allowed.
    """
    program = made.program
    if program.training is None:
        return program
    limit = resolve(program.training.settings, **request.settings).memory
    if limit is None:
        return program
    if request.target not in (None, "cpu"):
        raise Refused("--memory is for the target cpu")
    frame = frame_of(request, program)

    def form(keep: bool) -> Program:
        return program if keep else switched(made, made.without | {KEEP}).program

    found, said = within(limit, frame, form)
    say(said)
    return found


def frame_of(request: Request, program: Program) -> RunFrame:
    """How training will run."""
    assert program.training is not None, "there is a limit to keep"
    batch = resolve(program.training.settings, **request.settings).batch
    opening = SessionConfig.of(program, "cpu", request.dtype or "float32", request.threads, None)
    return RunFrame(batch=batch, threads=opening.threads, dtype=opening.dtype)


def introduce(trainer: Trainer, folder: RunFolder, spec: Path, *, changed: bool) -> None:
    """What is about to be trained, in three lines."""
    session = trainer.session
    numbers = sum(view.size for view in session.parameters.values())
    settings = trainer.settings
    held_out = f", {trainer.held_out.examples:,} held out" if trainer.held_out else ""
    held_out += f", limit {settings.limit}" if settings.limit is not None else ""
    say(f"{session.program.name}: {counted(numbers, 'parameter')}")
    read = "" if trainer.train.order.startswith(ROWS) else "; read while the network trains"
    examples = counted(trainer.train.examples, "example")
    say(f"{trainer.train.name}: {examples} to train on{held_out}{read}")
    say(
        f"batch {settings.batch}, {counted(settings.epochs, 'epoch')}, seed {settings.seed};"
        f" {session.target}, {in_words(session)}, {counted(session.threads, 'thread')};"
        f" results in {folder.path}"
    )
    diagnostics.brief([*unscaled_inputs(session.program, trainer.train)], spec, hints=True)
    if changed:
        say("note: the spec is not the one that the run began with")


def in_words(session: Session) -> str:
    """The width of numbers, and the precision of products where that is another."""
    precision = session.program.precision
    return session.dtype if precision == "float32" else f"{session.dtype}, products of {precision}"


def spec_changed(folder: RunFolder, session: Session) -> bool:
    """Whether the text of the spec differs from the run's copy."""
    copy = folder.path / "spec.nn"
    return copy.is_file() and copy.read_bytes() != session.program.source.encode()


def conclude(
    summary: History, trainer: Trainer, folder: RunFolder, *, spec: Path, as_json: bool
) -> None:
    """How it ended, and what comes next: the last lines of the run."""
    seconds = sum(row["seconds"] for row in summary.rows)
    row: Row = summary.rows[-1] if summary.rows else {}
    if as_json:
        final = {name: row[name] for name in metrics_of(row)}
        ended = {"run": str(folder.path), "steps": summary.step, "seconds": round(seconds, 3)}
        write(json.dumps(strict({**ended, "stopped_early": summary.stopped_early, **final})))
        return
    early = "stopped early" if summary.stopped_early else "done"
    numbers = "".join(f", {name} {shown(row[name])}" for name in metrics_of(row))
    steps = counted(summary.step, "step")
    say(f"{early} after {steps} in {duration(seconds)}{numbers}")
    if line := next_step(trainer.session, spec, folder.path):
        say(line)
