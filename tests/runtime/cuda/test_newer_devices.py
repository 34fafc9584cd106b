"""Kernels of every kind become PTX for compute capabilities 10.0 and 12.0 as well, without float64.

Whether they are right is asked in the simulator, which has no capability; here, whether NVIDIA's
compiler takes them for the newer one, and for no older one in its place.  Where ptxas knows the
device, nothing may be spilled.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache

import pytest

from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.select.choose_tile import TILES
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.estimates.assembled import assemble, tool
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.runtime.cuda.test_attention_resources import sources
from tests.runtime.cuda.test_recurrence_resources import source_of
from tests.runtime.cuda.test_row_resources import MODELS
from tests.runtime.cuda.tiled_products import dense, planned
from tests.support.resource_tables import COMPILES, require_tools
from tests.support.row_nets import only

require_tools()
pytestmark = COMPILES


def row_kernel() -> str:
    _, item = only(f"model f({MODELS['layer_norm, 128 columns']}")
    assert item.launch is not None, "a session on a GPU has a kernel"
    return item.launch.source


KINDS: dict[str, Callable[[], str]] = {
    "a tile": lambda: print_tile(planned(dense(36, 12, 1)["forward"], TILES[0])).source,
    "rows": row_kernel,
    "attention": lambda: sources(16)["forward"],
    "attention, of keys": lambda: sources(16)["of keys"],
    "LSTM of 64": lambda: source_of("LSTM of 64"),
    "LSTM of 64, back": lambda: source_of("LSTM of 64, back"),
}
EVERY_DAY = {("a tile", 10), ("rows", 12), ("attention", 12), ("LSTM of 64", 10)}
WANTED = [
    pytest.param(kind, major, marks=() if (kind, major) in EVERY_DAY else pytest.mark.wide)
    for kind in KINDS
    for major in (10, 12)
]


@cache
def assembles(major: int) -> bool:
    """Whether this machine's ptxas knows such devices."""
    told = subprocess.run([tool("ptxas"), "--help"], capture_output=True, text=True, check=False)
    return f"sm_{major}0" in told.stdout


@pytest.mark.parametrize(("kind", "major"), WANTED)
def test_it_is_compiled(kind: str, major: int) -> None:
    (function,) = functions_of(KINDS[kind](), 4)
    ptx = shim.compile_ptx(function, 4, (major, 0))
    assert f".target sm_{major}0" in ptx and ".f64" not in ptx
    if assembles(major):
        _, found = assemble(ptx, (major, 0))
        assert not found.spilled and not found.frame
