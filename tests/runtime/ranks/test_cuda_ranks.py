"""Ranks on GPUs, as simulators, through `mpiexec`: the same bits as one."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cuda.estimates.step_of_entry import planned_calls
from gradc_runtime.cuda.launch.kernel_call import overlap
from gradc_runtime.cuda.launch.rank_segments import segments_of
from gradc_runtime.session.checkpoint import read_checkpoint
from tests.runtime.ranks.test_ranks import GRADC, LONGEST, ROOT, needs_mpi, started

JOB = ("--batch", "10", "--set", "limit=20")


def trained(spec: str, out: Path, ranks: int, more: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """The weights after an epoch, and what was said."""
    command = [*GRADC, "train", f"specs/{spec}.nn", "--target", "cuda", "--epochs", "1"]
    command += ["--out", str(out), "--name", "run", *more]
    process = started(command, ranks=[ranks], NUMBA_ENABLE_CUDASIM="1")
    said, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, err
    newest = max((out / "run" / "checkpoints").glob("step-*.safetensors"))
    return dict(read_checkpoint(newest).tensors), said + err


@needs_mpi
@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="the extra cuda-test is not installed")
def test_two_ranks_come_to_the_bits_of_one(tmp_path: Path) -> None:
    one, _ = trained("circle", tmp_path / "one", 1, JOB)
    two, said = trained("circle", tmp_path / "two", 2, JOB)
    assert one.keys() == two.keys() and "seconds waited: " in said
    for name, value in one.items():
        np.testing.assert_array_equal(two[name], value, err_msg=json.dumps(name))


@pytest.mark.parametrize("spec", ["circle", "mnist_cnn", "batch_norm_cnn"])
def test_what_a_sum_reads_is_exchanged(spec: str) -> None:
    """Followed word by word: what only some rows of were made, nobody reads as a whole."""
    program = compile_file(ROOT / "specs" / f"{spec}.nn").of_target("cuda")
    assert program.training is not None
    calls = planned_calls(program.entries[program.training.steps[0].entry], 6)
    segments = segments_of(calls, (2, 4))
    assert len(segments) > 1 and sum(len(s.calls) for s in segments) == len(calls)
    mine = 0
    partial: list[tuple[int, int]] = []
    for segment in segments:
        for call in segment.calls:
            by_rows = (call.begin, call.count) == (2, 2)
            assert by_rows or not overlap(partial, call.reads), call.note
            partial = [one for one in partial if not overlap([one], call.writes)]
            partial += call.writes if by_rows else ()
            mine += by_rows
        partial = [one for one in partial if one not in segment.exchanged]
    assert mine > len(calls) // 4
