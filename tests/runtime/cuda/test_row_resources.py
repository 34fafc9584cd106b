"""What kernels along rows are on a GPU: registers, shared memory, how often threads of a warp look
at one another.  Nothing may be spilled, nor may there be memory of a thread's own, nor numbers of
float64 where the spec has none.  A table has what each was (`row_resources.json`); UPDATE_TILES=1
writes it anew.

Kernels become machine code without a GPU (`runtime/cuda/estimates/assembled.py`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gradc_runtime.cuda import shim
from gradc_runtime.cuda.estimates.assembled import assemble, disassemble
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.support.resource_tables import COMPILES, known_of, require_tools
from tests.support.row_nets import only

require_tools()
pytestmark = COMPILES
TABLE = Path(__file__).with_suffix("").with_name("row_resources.json")
MODELS = {
    "softmax, 100 columns": "x : [7, 100]) -> [7, 100] { softmax(x) }",
    "log_softmax, 1000 columns": "x : [7, 1000]) -> [7, 1000] { log_softmax(x) }",
    "layer_norm, 128 columns": "x : [7, 128]) -> [7, 128] { layer_norm(x) }",
    "greatest, 4096 columns": "x : [2, 4096]) -> [2] { max(x, axis = -1) }",
}
LOOKS = {"softmax, 100 columns": 10, "greatest, 4096 columns": 5}  # trees of a warp, 5 steps each
MOST = 64  # registers: with so many a multiprocessor has 1024 threads at once


def compiled(model: str, major: int) -> dict[str, Any]:
    """What ptxas and nvdisasm say of a model's kernel."""
    _, item = only(f"model f({MODELS[model]}")
    assert item.launch is not None, "a session on a GPU has a kernel"
    (function,) = functions_of(item.launch.source, 4)
    ptx = shim.compile_ptx(function, 4, (major, 0))
    cubin, found = assemble(ptx, (major, 0))
    return {
        "registers": found.registers, "shared": found.shared, "spilled": found.spilled,
        "frame": found.frame, "float64": ".f64" in ptx,
        "looks": len(re.findall(r"\bSHFL\b", disassemble(cubin))),
    }  # fmt: skip


@pytest.mark.parametrize("major", [8, 9])
@pytest.mark.parametrize("model", MODELS)
def test_resources(model: str, major: int) -> None:
    found, key = compiled(model, major), f"{model}, {major}.0"
    if (known := known_of(TABLE, key, found)) is None:
        return
    assert not found["spilled"] and not found["frame"] and not found["float64"]
    assert found["shared"] == known["shared"] and found["registers"] <= MOST
    assert found["looks"] == known["looks"] >= LOOKS.get(model, 10)
