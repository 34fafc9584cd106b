"""What needs neither GPU nor simulator: where words lie, and a batch that does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.arena import Recurrence, arrange, calls
from gradc_runtime.cuda.batches import CudaBatches
from gradc_runtime.cuda.cuda_executable import CudaExecutable, roomy
from tests.support.recurrences import NETS, SIZES

PROGRAM = compile_file("specs/circle.nn").of_target("cuda")
ENTRY = PROGRAM.entries["step/train"]


def test_a_block_is_the_batch() -> None:
    arena = arrange(ENTRY, PROGRAM.persistent_words, 7)
    first = arena.bases[Space.BLOCK]
    assert arena.first(Operand(Space.BLOCK, 10, inner=3)) == first + 7 * 10 + 3
    assert arena.first(Operand(Space.PERSISTENT, 10, inner=3)) == 13
    assert len(arena.bases) == Space.ARRAY + len(ENTRY.arrays)


def test_every_launch_finds_its_numbers_in_the_table() -> None:
    arena = arrange(ENTRY, PROGRAM.persistent_words, 7)
    made, table = calls(ENTRY, arena)
    assert sorted({call.at for call in made}) == [call.at for call in made]
    assert made[0].at == 1 and table[0] == 0 and made[-1].at < len(table)


def test_sequences_have_room_of_their_own() -> None:
    entry = schedule("net", optimise(NETS["two times"]()), dict.fromkeys(SIZES, 0), target="cuda")
    arena = arrange(entry, 256, 7, (100, 50))
    start = arena.bases[Space.BLOCK] + 7 * entry.block_words
    assert arena.first(Operand(Space.BLOCK, 10, inner=3, time=0)) == start + 100 * 10 + 3
    start += 100 * entry.time_words[0]
    assert arena.first(Operand(Space.BLOCK, 10, inner=3, time=1)) == start + 50 * 10 + 3
    assert start + 50 * entry.time_words[1] <= arena.bases[Space.PARTIAL]
    made, _ = calls(entry, arena)
    loops = [item for item in made if isinstance(item, Recurrence)]
    assert sorted((loop.time, loop.backwards) for loop in loops) == [
        (0, False), (0, True), (1, False), (1, True),
    ]  # fmt: skip


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


def test_a_batch_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim, "require_device", lambda: None)
    monkeypatch.setattr(shim, "free_bytes", lambda: 1_000_000)
    executable = CudaExecutable(ENTRY, np.zeros(PROGRAM.persistent_words, np.float32), np.float32)
    with pytest.raises(shim.CudaFault) as fault:
        executable.fitting(10**7)
    assert "for 10000000 examples; 0.0 GB are free, enough for" in str(fault.value)
    fits = int(str(fault.value).rsplit(" ", 1)[1])
    assert executable.fitting(fits).words * 4 <= 1_000_000
    with pytest.raises(shim.CudaFault):
        executable.fitting(fits + fits // 10 + 10)
