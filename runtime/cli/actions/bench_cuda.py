"""What `gradc bench --target cuda` measures: a step on a GPU, and what a data sheet predicts."""

from __future__ import annotations

from functools import partial
from typing import Any

from gradc_compiler.program.program import Program, TrainStep
from gradc_runtime.cli.actions.bench import step_seconds
from gradc_runtime.cli.actions.output import duration, write, write_json
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cuda.estimates.data_sheets import GPUS
from gradc_runtime.cuda.estimates.step_time import DEFAULT, StepTime, predict, told
from gradc_runtime.cuda.execution.chosen_device import SIMULATED, device
from gradc_runtime.cuda.launch.step_graph import StepGraph
from gradc_runtime.session.session import Session


def report(session: Session, program: Program, batch: int, *, sheet: str, as_json: bool) -> int:
    """Time every step of the train block, and say what was predicted.

    Raises `CudaUnavailable` without a GPU.
    """
    device()  # or say at once that there is none
    steps = session.training.steps
    found = [timed(session, program, step, batch, sheet) for step in steps]
    if as_json:
        write_json(found)
        return 0
    how = "in the simulator" if SIMULATED else "measured"
    for step in found:
        write(
            f"step {step['step']}, batch {batch}: {duration(step['seconds'])} {how},"
            f" {duration(step['predicted_s'])} predicted for {sheet}; {step['nodes']} launches in"
            f" one graph; bytes a step: {step['to_device']:,} there, {step['to_host']:,} back"
        )
    write("\n".join(told(DEFAULT, GPUS[sheet])))
    return 0


def timed(
    session: Session, program: Program, of: TrainStep, batch: int, sheet: str
) -> dict[str, Any]:
    """A step's figures."""
    runner: Any = session.runner(of.entry)
    trial = Trial(program=program, start={}, examples=batch, seed=0, dtype=session.dtype)
    inputs, traffic = trial.inputs(of.entry), device().traffic
    run = partial(session.tables.run, of.entry, runner)
    seconds = step_seconds(run, inputs, batch, alone=len(session.training.steps) > 1)
    before = traffic.to_device, traffic.to_host
    run(inputs, 1, batch)
    graph: StepGraph = next(reversed(runner.plans())).graph
    predicted: StepTime = predict(graph, session.memory.mirror.itemsize, GPUS[sheet])
    return {
        "step": of.name, "batch": batch, "seconds": seconds, "predicted_s": predicted.seconds,
        "nodes": len(graph.nodes), "to_device": traffic.to_device - before[0],
        "to_host": traffic.to_host - before[1],
    }  # fmt: skip
