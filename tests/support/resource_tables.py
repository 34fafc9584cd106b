"""Tables of what kernels are on a GPU, which tests compare with; UPDATE_TILES=1 writes them anew.

Kernels become machine code without a GPU (`runtime/cuda/estimates/assembled.py`).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from gradc_runtime.cuda import shim
from gradc_runtime.cuda.estimates.assembled import NoAssembler, tool

COMPILES = [
    pytest.mark.skipif(shim.SIMULATED, reason="the simulator compiles nothing"),
    pytest.mark.filterwarnings("ignore"),  # numba-cuda's own
]
"""Marks of a module of tests whose kernels become machine code."""


def require_tools() -> None:
    """Leave out a module of tests where numba-cuda, an assembler or a disassembler is missing."""
    pytest.importorskip("numba_cuda")
    try:
        tool("ptxas"), tool("nvdisasm")
    except NoAssembler as missing:
        pytest.skip(str(missing), allow_module_level=True)


def known_of(table: Path, key: str, found: dict[str, Any]) -> dict[str, Any] | None:
    """What a table says of a kernel; None where it has just been written."""
    known = json.loads(table.read_text(encoding="utf-8")) if table.exists() else {}
    if not os.environ.get("UPDATE_TILES"):
        row: dict[str, Any] = known[key]
        return row
    known[key] = found
    text = json.dumps(known, indent=1, sort_keys=True)
    table.write_text(re.sub(r"\n  +|\n (?=})", " ", text) + "\n", encoding="utf-8")
    return None
