"""What recurrences in one kernel are on a GPU: registers, shared memory, and the products in their
inner loop.  On 9.0 nothing may be spilled, and nowhere may there be memory of a thread's own,
numbers of float64, a call in the loop, or a load that takes memory for constant: other blocks write
it.  A table has what each was (`recurrence_resources.json`); UPDATE_TILES=1 writes it anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.program import Program
from gradc_compiler.program.recurrence_launch import launch_of
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.estimates.assembled import assemble, disassemble
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.runtime.cuda.test_tile_resources import counted, loops_in, products_of
from tests.support.resource_tables import COMPILES, known_of, require_tools

require_tools()
pytestmark = COMPILES
TABLE = Path(__file__).with_suffix("").with_name("recurrence_resources.json")
SPECS = Path(__file__).parents[3] / "specs"
WIDE = """
model says(x : seq [20]) -> [3] { x |> scan(lstm(512)) |> last |> dense(3) }
"""
CASES = {  # a program, an entry of it, the number of the recurrence
    "LSTM of 64": ("row_digits", "step", 0),
    "LSTM of 64, back": ("row_digits", "step", 1),
    "GRU of 192": ("characters", "step", 0),
    "GRU of 192, back": ("characters", "step", 1),
    "LSTM of 512": ("", "says", 0),
}
WANTED = [
    pytest.param(case, major, marks=() if case.startswith("LSTM of 64") else pytest.mark.wide)
    for case in CASES
    for major in (8, 9)
]
MOST, SHARED = 255, 48 << 10


@cache
def program_of(spec: str) -> Program:
    found = compile_file(SPECS / f"{spec}.nn") if spec else compile_source(WIDE)
    return found.of_target("cuda")


def source_of(case: str) -> str:
    spec, name, number = CASES[case]
    program = program_of(spec)
    if name == "step":
        assert program.training is not None
        name = program.training.steps[0].entry
    entry = program.entries[program.models.get(name, name)]
    loops = [launch_of(loop) for phase in entry.phases for loop in phase.loops]
    launch = loops[number]
    assert launch is not None, "it is one kernel"
    return launch.source


def compiled(case: str, major: int) -> tuple[str, dict[str, Any]]:
    """PTX, and what ptxas and nvdisasm say of it."""
    (function,) = functions_of(source_of(case), 4)
    ptx = shim.compile_ptx(function, 4, (major, 0))
    cubin, found = assemble(ptx, (major, 0))
    loops = [loop for loop in loops_in(disassemble(cubin)) if any("LDS" in line for line in loop)]
    loop = counted(max(loops, key=products_of))
    return ptx, {
        "registers": found.registers, "shared": found.shared, "spilled": found.spilled,
        "frame": found.frame, "share": loop["share"], "calls": loop["calls"],
        "loads of 4": loop["loads of 4"],
    }  # fmt: skip


@pytest.mark.parametrize(("case", "major"), WANTED)
def test_resources(case: str, major: int) -> None:
    (ptx, found), key = compiled(case, major), f"{case}, {major}.0"
    if (known := known_of(TABLE, key, found)) is None:
        return
    assert found["spilled"] <= (known["spilled"] if major < 9 else 0)
    assert not found["frame"] and not found["calls"] and ".f64" not in ptx
    assert "ld.global.nc" not in ptx and "ld.acquire.gpu" in ptx and "atom.add.acq_rel.gpu" in ptx
    assert "0x80000001" in ptx or str(0x80000001) in ptx  # `TOP + 1` of the simulator
    assert found["registers"] <= MOST and found["shared"] == known["shared"] <= SHARED
    assert found["share"] >= known["share"] - 3
