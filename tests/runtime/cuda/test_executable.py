"""What needs neither GPU nor simulator: where words lie, and a batch that does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.pipeline import compile_file
from compiler.program import Operand, Space
from runtime.cuda import shim
from runtime.cuda.arena import arrange, calls
from runtime.cuda.executable import Executable

PROGRAM = compile_file("specs/circle.nn")
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


def test_a_batch_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim, "require_device", lambda: None)
    monkeypatch.setattr(shim, "free_bytes", lambda: 1_000_000)
    executable = Executable(ENTRY, np.zeros(PROGRAM.persistent_words, np.float32), np.float32)
    with pytest.raises(shim.CudaFault) as fault:
        executable.fitting(10**7)
    assert "for 10000000 examples; 0.0 GB are free, enough for" in str(fault.value)
    fits = int(str(fault.value).rsplit(" ", 1)[1])
    assert executable.fitting(fits).words * 4 <= 1_000_000
    with pytest.raises(shim.CudaFault):
        executable.fitting(fits + fits // 10 + 10)
