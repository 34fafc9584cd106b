"""Memory on cache lines, and memory that a process keeps."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from gradc_runtime.system import aligned_memory
from gradc_runtime.system.aligned_memory import LINE, aligned, keep_freed_memory

KEPT = """
import resource, sys
import numpy as np
from gradc_runtime.system.aligned_memory import aligned, keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def used():
    array = aligned(1 << 23, np.dtype(np.float64))  # 64 MB
    assert not array.any()
    array[:] = 1
before = used() or resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    used()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize("words", [1, 1000])
def test_an_array_begins_on_a_cache_line_and_is_clear(words: int) -> None:
    array = aligned(words, np.dtype(np.float32))
    assert array.ctypes.data % LINE == 0 and array.size == words and not array.any()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the allocator has no option")
def test_freed_memory_is_used_again_and_cleared() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", KEPT, how], check=True,
                                capture_output=True, text=True).stdout)
        for how in ("kept", "returned")
    }  # fmt: skip
    assert faults["kept"] < faults["returned"] / 2


def test_an_allocator_without_options_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligned_memory.ctypes, "CDLL", lambda _: object())
    keep_freed_memory()
