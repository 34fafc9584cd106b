"""Graphs of steps without a device: words begin anywhere."""

from __future__ import annotations

from pathlib import Path

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Entry
from gradc_runtime.cuda.estimates.step_of_entry import BLOCKS, planned_calls
from gradc_runtime.cuda.launch.kernel_call import CudaCall
from gradc_runtime.cuda.launch.time_room import TimeRoom

ROOT = Path(__file__).parents[4]


def entry_of(spec: str, name: str | None = None) -> Entry:
    """An entry of a spec as it is for CUDA; the first step if none is named."""
    program = compile_file(ROOT / spec).of_target("cuda")
    if name is None:
        assert program.training is not None
        name = program.training.steps[0].entry
    return program.entries[name]


def calls_of(
    spec: str, examples: int, room: TimeRoom | None = None, blocks: int = BLOCKS
) -> list[CudaCall]:
    """The calls of a step."""
    return planned_calls(entry_of(spec), examples, room, blocks)
