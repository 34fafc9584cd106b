"""What an attention's kernels are on a GPU: registers, shared memory, how much is multiplications.

Nothing may be spilled, nor may there be memory of a thread's own, nor numbers of float64 where the
spec has none.  A table has what each was (`attention_resources.json`); UPDATE_TILES=1 writes it
anew.  Kernels become machine code without a GPU (`runtime/cuda/estimates/assembled.py`).
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.estimates.assembled import assemble, disassemble
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.support.resource_tables import COMPILES, known_of, require_tools

require_tools()
pytestmark = COMPILES
TABLE = Path(__file__).with_suffix("").with_name("attention_resources.json")
SPEC = """
model net(x : [256, {wide}]) -> [256, {wide}] {{ x |> multi_head_attention(4, causal = true) }}
data pairs(x : [256, {wide}], y : [256, {wide}]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(x), y) using sgd(lr = 0.1), batch 4, epochs 1 }}
"""
KERNELS = "forward", "of queries", "of keys"
HEADS = 16, 64  # numbers of a head
LOSS, REGISTERS = 3, 65536  # points; of a multiprocessor
EVERY_DAY = {("forward", 16, 8), *((kernel, 64, 9) for kernel in KERNELS)}
WANTED = [
    pytest.param(*case, marks=() if case in EVERY_DAY else pytest.mark.wide)
    for case in product(KERNELS, HEADS, (8, 9))
]


@cache
def sources(head: int) -> dict[str, str]:
    """The kernels of a step, by what they make."""
    program = compile_source(SPEC.format(wide=4 * head)).of_target("cuda")
    entry = program.entries["step/train"]
    items = [item for phase in entry.phases for item in phase.instructions]
    launches = [i.launch for i in items if entry.kernels[i.kernel].name == "pair_sums"]
    texts = [launch.source for launch in launches if launch is not None]
    (forward,) = [text for text in texts if "softmax" in text]
    (keys,) = [text for text in texts if "m1 = joined" in text]
    (queries,) = [text for text in texts if text not in (forward, keys)]
    return {"forward": forward, "of queries": queries, "of keys": keys}


@cache
def compiled(kernel: str, head: int, major: int) -> dict[str, Any]:
    """What ptxas and nvdisasm say of a kernel."""
    (function,) = functions_of(sources(head)[kernel], 4)
    ptx = shim.compile_ptx(function, 4, (major, 0))
    cubin, found = assemble(ptx, (major, 0))
    code = disassemble(cubin)
    lines = len(re.findall(r"^\s+/\*[0-9a-f]{4}\*/\s", code, re.MULTILINE))
    return {
        "registers": found.registers, "shared": found.shared, "spilled": found.spilled,
        "frame": found.frame, "float64": ".f64" in ptx, "resident": function.resident,
        "products": round(100 * len(re.findall(r"\bFFMA\b", code)) / max(1, lines)),
        "loads of four": len(re.findall(r"\bLDS\.128\b", code)),
        "copies of four": len(re.findall(r"\bLDGSTS\S*\.128\b", code)),
    }  # fmt: skip


@pytest.mark.parametrize(("kernel", "head", "major"), WANTED)
def test_resources(kernel: str, head: int, major: int) -> None:
    found, key = compiled(kernel, head, major), f"{kernel}, heads of {head}, {major}.0"
    if (known := known_of(TABLE, key, found)) is None:
        return
    assert not found["spilled"] and not found["frame"] and not found["float64"]
    assert found["shared"] == known["shared"] <= 48 << 10
    assert found["registers"] * 128 * found["resident"] <= REGISTERS
    assert found["products"] >= known["products"] - LOSS
    for name in ("loads of four", "copies of four"):
        assert found[name] == known[name] > 0
