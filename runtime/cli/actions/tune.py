"""What `--tune` does: measure the steps of a spec with other blocks, and keep the fastest."""

from __future__ import annotations

from gradc_compiler.program.program import TrainStep
from gradc_runtime.cli.actions.output import counted, say
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cli.faults import Refused
from gradc_runtime.cpu.partition.tuned_tiles import keep
from gradc_runtime.cpu.tuning.autotuner import tune
from gradc_runtime.session.session import Session


def tune_steps(session: Session, batch: int) -> None:
    """Measure every step at this batch size; what is chosen is used from now on.

    Raises `Refused` for any target but `cpu`.
    """
    if session.target != "cpu":
        raise Refused(f"--tune is for native code, not for the target {session.target}")
    for step in session.training.steps:
        say(f"{step.name}, batch {batch}: {tuned(session, step, batch)}")


def tuned(session: Session, step: TrainStep, batch: int) -> str:
    """What was found for a step."""
    entry, words = session.program.entries[step.entry], session.memory.words
    trial = Trial(program=session.program, start={}, examples=batch, seed=0, dtype=session.dtype)
    found = tune(entry, words, session.threads, trial.inputs(step.entry), batch)
    if found is None:
        return "a single kernel, nothing to tune"
    times = f"{1e3 * found.before:.3f} ms before, {1e3 * found.after:.3f} ms after"
    text = f"blocks of {counted(found.block, 'example')}; {times}"
    threads = counted(session.threads, "thread")
    about = f"{session.program.name}, step {step.name}, batch {batch}, {threads}: {text}"
    keep(entry, words.itemsize, found.block, about)
    return text
