"""What needs neither GPU nor simulator: where words lie, rows of a batch, one that does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cuda.devices.device import CudaFault
from gradc_runtime.cuda.devices.simulated_device import SimulatedDevice
from gradc_runtime.cuda.execution import cuda_executable
from gradc_runtime.cuda.execution.cuda_executable import CudaExecutable, roomy
from gradc_runtime.cuda.execution.cuda_plan import needed
from gradc_runtime.cuda.launch.arena import arrange
from gradc_runtime.cuda.launch.batches import CudaBatches
from gradc_runtime.cuda.launch.control import Control
from gradc_runtime.cuda.launch.time_room import TimeRoom
from tests.support.recurrences import NETS, SIZES

PROGRAM = compile_file("specs/circle.nn").of_target("cuda")
ENTRY = PROGRAM.entries["step/train"]


def test_a_block_is_the_batch() -> None:
    arena = arrange(ENTRY, 7).placed(1000, 64)
    first = arena.bases[Space.BLOCK]
    assert arena.first(Operand(Space.BLOCK, 10, inner=3)) == first + 7 * 10 + 3
    assert arena.first(Operand(Space.PERSISTENT, 10, inner=3)) == 64 + 13
    assert arena.interval(Operand(Space.BLOCK, 10, inner=3, words=5)) == (
        first + 70,
        first + 70 + 35,
    )
    assert len(arena.bases) == Space.ARRAY + len(ENTRY.arrays)


def test_sequences_have_room_of_their_own() -> None:
    entry = schedule("net", optimise(NETS["two times"]()), dict.fromkeys(SIZES, 0), target="cuda")
    arena = arrange(entry, 7, TimeRoom((100, 50), (4, 4)))
    start = arena.bases[Space.BLOCK] + 7 * entry.block_words
    assert arena.first(Operand(Space.BLOCK, 10, inner=3, time=0)) == start + 100 * 10 + 3
    start += 100 * entry.time_words[0]
    assert arena.first(Operand(Space.BLOCK, 10, inner=3, time=1)) == start + 50 * 10 + 3
    assert start + 50 * entry.time_words[1] <= arena.bases[Space.PARTIAL]
    control = Control.of(entry, arena.room)
    assert sorted(control.loops) == [(0, False), (0, True), (1, False), (1, True)]


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 37, 100, 1000, 12345])
def test_room_for_rows_is_rounded_up(rows: int) -> None:
    assert rows <= roomy(rows) <= 1.25 * rows
    assert roomy(roomy(rows)) == roomy(rows)


def test_the_rows_of_batches_and_steps() -> None:
    batches = CudaBatches(("t",), [np.array([1, 3, 0, 0, 2, 2])], 3, 2)
    assert [batches.count(0, k) for k in range(3)] == [4, 0, 4] and batches.count(None, 1) == 2
    assert batches.parts("t", 5) == [(0, 20), (20, 20), (20, 40)]
    assert batches.ranges(0, 0, False) == [(0, 2), (2, 1), (3, 1)]
    assert batches.ranges(0, 1, False) == []
    assert batches.ranges(0, 2, True) == [(2, 2), (0, 2)]
    assert batches.most() == TimeRoom((4,), (3,))


def test_what_the_host_writes_of_each_batch() -> None:
    """Rows of a time, of each step there may be, and where the batch begins in what was brought."""
    batches = CudaBatches(("t",), [np.array([1, 3, 0, 0, 2, 2])], 3, 2)
    control = Control(1, ((0, True),), TimeRoom((4,), (3,)))
    table = control.table(batches, 1, 2, 10)
    assert table.shape == (2, control.words)
    assert table[:, 0].tolist() == [10, 11] and table[:, control.first(None)].tolist() == [20, 22]
    assert table[:, control.first(0)].tolist() == [40, 40]
    at = control.rows(0)
    assert table[:, at : at + 3].tolist() == [[0, 0, 1], [0, 4, 1]]
    steps = [table[1, control.step(0, True, k) :][:3].tolist() for k in range(3)]
    assert steps == [[2, 2, 1], [0, 2, 1], [0, 0, 0]]


def executable(monkeypatch: pytest.MonkeyPatch, size: int) -> CudaExecutable:
    monkeypatch.setattr(cuda_executable, "device", lambda: SimulatedDevice(size))
    return CudaExecutable(ENTRY, np.zeros(PROGRAM.persistent_words, np.float32), np.float32)


def test_a_batch_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the largest batch that does."""
    small = executable(monkeypatch, 4_000_000)
    with pytest.raises(CudaFault) as fault:
        small.fitting(10**7)
    assert "for 10000000 examples; 0.0 GB are free, enough for" in str(fault.value)
    fits = int(str(fault.value).rsplit(" ", 1)[1])
    assert fits > 0 and needed(small.fitting(fits), ()) * 4 <= small.device.free_bytes()
    with pytest.raises(CudaFault):
        small.fitting(fits + 1)
