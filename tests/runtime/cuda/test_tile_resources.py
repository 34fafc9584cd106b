"""What kernels in tiles are on a GPU: registers, shared memory, how many instructions of their
inner loop are multiplications (of tensor cores: how many there are), and how many of its copies
and loads are of four words.  On 9.0 nothing may be spilled, and nowhere may there be memory of a
thread's own, numbers of float64 where the spec has none, or a call within the loop.  A table has
what each was (`tile_resources.json`); UPDATE_TILES=1 writes it anew.

Kernels become machine code for compute capability 8.0 and 9.0 without a GPU; it is read by
nvdisasm, and where that is missing only registers and memory are compared.  Figures differ a little
between versions of the compilers: a share may not fall by more than 3 points, registers not grow
beyond what the blocks that are to fit a multiprocessor leave.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_plan import BlockTile, Precision
from gradc_compiler.select.choose_tile import TILES, TILES_OF_DOUBLE
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.runtime.cuda.tiled_products import Loops, convolution, dense, planned
from tests.support.resource_tables import known_of

pytest.importorskip("numba_cuda")
for library in ("nvidia-nvvm", "nvidia-cuda-nvrtc"):
    try:
        version(library)
    except PackageNotFoundError:
        pytest.skip(f"needs {library}", allow_module_level=True)
PTXAS = shutil.which("ptxas")
pytestmark = [
    pytest.mark.skipif(shim.SIMULATED, reason="the simulator compiles nothing"),
    pytest.mark.skipif(PTXAS is None, reason="needs ptxas"),
    pytest.mark.filterwarnings("ignore"),  # numba-cuda's own
]
TABLE = Path(__file__).with_suffix("").with_name("tile_resources.json")
LAYERS = dense(784, 128, 8)
IMAGES = convolution(30, 30, 8, 16, (3, 3))
STRIDED = convolution(29, 29, 16, 32, (3, 3), 2)
CASES: dict[str, Loops] = {
    "dense": LAYERS["forward"],
    "dense, of the input": LAYERS["of the input"],
    "dense, of the weights": LAYERS["of the weights"],
    "convolution": IMAGES["forward"],
    "convolution, of the input": IMAGES["of the input"],
    "convolution, of the weights": IMAGES["of the weights"],
    "convolution of stride 2, of the input": STRIDED["of the input"],
    "words one by one": convolution(30, 30, 1, 15, (3, 3))["forward"],
}
BY_WARPS = {  # by tensor cores
    f"{case}, {precision.value}": (CASES[case], precision)
    for case in ("dense", "dense, of the input", "dense, of the weights", "convolution")
    for precision in (Precision.TF32, Precision.BF16)
}
LOSS, REGISTERS, MOST = 3, 65536, 255  # points; of a multiprocessor; of a thread


def name_of(tile: BlockTile) -> str:
    return f"{tile.rows} x {tile.columns}"


EVERY_DAY = {
    *(("dense", 0, 9), ("dense, of the weights", 3, 8)),
    *(("dense, tf32", 0, 8), ("dense, bf16", 0, 9)),
}
FEW = [(case, 0, major) for case in CASES for major in (8, 9)]
FEW += [(case, tile, 9) for case in ("dense", "dense, of the weights") for tile in range(1, 5)]
FEW += [("dense, of the weights", 3, 8)]
FEW += [(case, 0, major) for case in BY_WARPS for major in (8, 9)]
FEW += [(f"dense, {kind}", tile, 9) for kind in ("tf32", "bf16") for tile in range(1, 5)]
WANTED = [
    pytest.param(
        case, TILES[tile], major, id=f"{case}-{name_of(TILES[tile])}-{major}0",
        marks=() if (case, tile, major) in EVERY_DAY else pytest.mark.wide,
    )
    for case, tile, major in FEW
]  # fmt: skip


def disassembler() -> str | None:
    """nvdisasm, of a toolkit or of its wheel."""
    found = shutil.which("nvdisasm")
    wheels = (path for root in sys.path for path in Path(root).glob("nvidia/*/bin/nvdisasm"))
    return found or next(map(str, wheels), None)


def compiled(case: str, tile: BlockTile, major: int, folder: Path) -> dict[str, Any]:
    """What ptxas says of a product's kernel, and the share of products in its inner loop."""
    loops, precision = BY_WARPS.get(case) or (CASES[case], Precision.FLOAT32)
    plan = planned(loops, tile, adds="weights" in case, precision=precision)
    plan = replace(plan, parts=4) if "weights" in case else plan
    ptx = shim.compile_ptx(functions_of(print_tile(plan).source, 4)[0], 4, (major, 0))
    ptx = re.sub(r"\.version \d+\.\d+", ".version 8.0", ptx)  # for one of an older toolkit
    cubin, assembler = folder / "kernel.cubin", [str(PTXAS), f"-arch=sm_{major}0", "-v"]
    done = subprocess.run(
        [*assembler, "-o", str(cubin), "-"], input=ptx, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = {
        "registers": int(re.findall(r"Used (\d+) registers", done.stderr)[0]),
        "shared": int(re.findall(r"(\d+) bytes smem", done.stderr)[0]),
        "spilled": sum(map(int, re.findall(r"(\d+) bytes spill", done.stderr))),
        "frame": int(re.findall(r"(\d+) bytes stack frame", done.stderr)[0]),
        "float64": ".f64" in ptx,
    }
    reader = disassembler()
    if reader is not None:
        found |= counted(inner_loop(subprocess.check_output([reader, "-c", cubin], text=True)))
    return found


def inner_loop(listing: str) -> list[str]:
    """The instructions of the loop with most products."""
    return max(loops_in(listing), key=products_of, default=[])


def loops_in(listing: str) -> list[list[str]]:
    """The instructions of each loop."""
    code: list[str] = []
    labels: dict[str, int] = {}
    found: list[list[str]] = []
    for line in listing.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            labels[label[1]] = len(code)
        if said := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?(.*?);", line):
            code.append(said[1])
    for k, line in enumerate(code):
        target = re.search(r"\.L_x_\d+", line)
        if line.startswith("BRA") and target and labels.get(target[0], k + 1) <= k:
            found.append(code[labels[target[0]] : k + 1])
    return found


def products_of(body: list[str]) -> float:
    """Which part of some instructions multiplies."""
    return sum(line.startswith(("FFMA", "HMMA")) for line in body) / max(1, len(body))


def counted(body: list[str]) -> dict[str, int]:
    """Of 100 instructions those that multiply; copies of four words and of one; loads of four from
    shared memory; and calls (of functions: on 8.0 the end of a loop is a call of what follows).
    """

    def count(start: str, four: bool) -> int:
        return sum(line.startswith(start) and (".128" in line) == four for line in body)

    return {
        "share": round(100 * products_of(body)),
        "copies of 4": count("LDGSTS", four=True),
        "copies": count("LDGSTS", four=False),
        "loads of 4": count("LDS", four=True),
        "tensor": sum(line.startswith("HMMA") for line in body),
        "calls": sum(line.startswith("CALL") and ".L_x_" not in line for line in body),
    }


@pytest.mark.parametrize(("case", "tile", "major"), WANTED)
def test_resources(case: str, tile: BlockTile, major: int, tmp_path: Path) -> None:
    found, key = compiled(case, tile, major, tmp_path), f"{case}, {name_of(tile)}, {major}.0"
    if (known := known_of(TABLE, key, found)) is None:
        return
    assert found["spilled"] <= (known["spilled"] if major < 9 else 0)
    assert not found["float64"] and not found["frame"] and not found.get("calls")
    for name in ("copies of 4", "loads of 4"):
        assert found.get(name, known[name]) >= known[name]
    assert found.get("tensor", known["tensor"]) == known["tensor"]
    assert "tensor" not in found or (found["tensor"] > 0) == (case in BY_WARPS)
    assert found["shared"] == known["shared"]
    assert found["registers"] <= min(MOST, REGISTERS // (tile.resident * tile.threads))
    assert found.get("share", 100) >= known["share"] - LOSS


def test_float64_fits_shared_memory() -> None:
    """48 KB need no leave of the driver."""
    for tile in TILES_OF_DOUBLE:
        source = print_tile(planned(CASES["dense, of the input"], tile)).source
        words = sum(map(int, re.findall(r"= shared\((\d+)\)", source)))
        places = sum(map(int, re.findall(r"= places\((\d+)\)", source)))
        assert 0 < 8 * words + 4 * places <= 48 * 1024
