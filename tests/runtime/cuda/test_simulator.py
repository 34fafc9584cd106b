"""CUDA kernels mean what the reference means: tests run again, in a process with the simulator.

The simulator must be chosen before numba-cuda is imported, so it has processes of its own.  By
default they run every operator, the classic contractions, random graphs, the prelude, networks over
sequences, and the small specs; `wide` adds the rest, a run for each spec.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason="the extra cuda-test is not installed")

HERE = "tests/runtime/cuda"
NATIVE = ["-p", "tests.runtime.cuda.simulator"]  # puts it in the place of native code
RUNS = {
    "operators": [*NATIVE, "tests/compiler/ops"],
    "arithmetic": [*NATIVE, "tests/compiler/select/test_arithmetic.py"],
    "contractions": [*NATIVE, "tests/compiler/select", "-k", "classic and not everything"],
    "nests": [*NATIVE, "tests/compiler/select/test_meanings.py", "-k", "kernel_does or without"],
    "long sums": [*NATIVE, "tests/compiler/rewrites/test_long_sums_in_blocks.py"],
    "random graphs": [*NATIVE, "tests/compiler/test_random_graphs.py"],
    "prelude": [*NATIVE, "tests/compiler/prelude"],
    "sequences": [f"{HERE}/sequences_in_simulator.py"],
    "recurrences": [f"{HERE}/recurrence_in_simulator.py"],
    "tiles": [f"{HERE}/tiles_in_simulator.py"],
    "tile faults": [f"{HERE}/tile_faults_in_simulator.py"],
    "tensor cores": [f"{HERE}/tensors_in_simulator.py"],
    "precision": ["tests/runtime/session/test_precision.py"],
    "driver": [f"{HERE}/devices/driver_in_simulator.py"],
    "declared": [f"{HERE}/launch/declared_in_simulator.py"],
    "library": [f"{HERE}/library/model_in_simulator.py"],
    "commands": [f"{HERE}/commands_in_simulator.py"],
    "training": [f"{HERE}/training_in_simulator.py"],
    "trees": [f"{HERE}/trees_in_simulator.py"],
    "sums along rows": [f"{HERE}/rows_in_simulator.py"],
    "attention as one kernel": [f"{HERE}/attention_in_simulator.py"],
    "rows": ["tests/runtime/session/test_index_reach.py"],
    "extremes": ["tests/runtime/test_extremes.py"],
    "embeddings": ["tests/compiler/rewrites/test_copied_rows.py", "-k", "adds_up and not 301"],
    "step counter": ["tests/runtime/session/test_step_counter.py"],
    "random specs": ["tests/random_specs/in_simulator.py"],
    "meanings": [f"{HERE}/meanings_in_simulator.py"],
    "specs": [
        f"{HERE}/specs_in_simulator.py",
        "-k",
        "house or curve or circle or take_turns or copied",
    ],
    "recurrent specs": [
        f"{HERE}/specs_in_simulator.py",
        "-k",
        "(adding or row_digits or tagging) and float32 and three",
    ],
}
SCHEDULE = [
    f"tests/compiler/{name}"
    for name in ("rewrites", "fusion", "memory", "loops", "select", "whole_step")
]
TILES = "around_the_tiles or single_precision or change_a_bit"  # the CPU's kernels alone have them
WIDE = {
    "row order": [
        *(*NATIVE, "tests/compiler/rewrites/test_row_order.py"),
        *("-k", "same_numbers and -0]"),
    ],
    "attention": ["tests/compiler/rewrites/test_query_blocks.py"],
    "delayed sums": [
        *("tests/compiler/fusion/test_delayed_convolutions.py", "-k"),
        "(every_form or around_images or slopes) and (stride or dilation or (3x3 and 0))",
    ],
    "schedule": [*NATIVE, *SCHEDULE, "-k", f"not ({TILES})"],
    "more random graphs": [*NATIVE, "tests/compiler/test_random_graphs.py", "-m", "wide"],
    "more random specs": ["tests/random_specs/in_simulator.py", "-m", "wide"],
    "more sequences": [f"{HERE}/sequences_in_simulator.py", "-m", "wide"],
} | {
    path.stem: [f"{HERE}/specs_in_simulator.py", "-k", f"[{path.stem}-"]
    for path in sorted(Path("specs").glob("*.nn"))
}


def run_in_simulator(arguments: list[str]) -> None:
    """Run pytest in a new process; its output is shown if it fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-W", "ignore::RuntimeWarning", *arguments]  # NumPy's, where numbers overflow
    done = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("name", RUNS)
def test_in_the_simulator(name: str) -> None:
    run_in_simulator(RUNS[name])


@pytest.mark.wide
@pytest.mark.parametrize("name", WIDE)
def test_more_in_the_simulator(name: str) -> None:
    run_in_simulator(WIDE[name])
