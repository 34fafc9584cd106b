"""Kernels are loaded wherever the process has room: its data may be large."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from gradc_runtime.cpu import build, link
held = []
for number in range(70):
    source = (
        "def k0(pointers, geometry, begin, end, first):\\n"
        "    x0 = reals(pointers, 0)\\n"
        "    for i0 in range(begin, end):\\n"
        f"        x0[i0] = tanh(x0[i0]) * real(0.37) + real({number}.5)\\n"
    )
    link.load({f"k{number}": build.object_code("k0", source, 4, f"k{number}")})
    held.append(np.empty(200_000_000))  # address space; the pages are never touched
"""


@pytest.mark.wide
def test_sections_may_lie_far_apart() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
