"""Kernels become PTX for compute capability 9.0 without a GPU; float32 ones stay in float32."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.printing import cuda_gather
from gradc_compiler.printing.row_kernel_table import BY_SOURCE
from gradc_compiler.program.entry import Entry
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.kernels import CLEAR, MEAN
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.support.recurrences import NETS, SIZES

pytest.importorskip("numba_cuda", reason="the extra cuda-test is not installed")
for library in ("nvidia-nvvm", "nvidia-cuda-nvrtc"):
    try:
        version(library)
    except PackageNotFoundError:
        pytest.skip(f"needs {library}", allow_module_level=True)
pytestmark = [
    pytest.mark.skipif(shim.SIMULATED, reason="the simulator compiles nothing"),
    pytest.mark.filterwarnings("ignore"),  # numba-cuda's own
]
PTXAS = shutil.which("ptxas")
EVERY_DAY = {  # the others are for the wide run
    *("house", "curve", "circle"),
    *("of every operator", "embedded", "with noise"),
}
SPECS = [
    pytest.param(p, id=p.stem, marks=() if p.stem in EVERY_DAY else pytest.mark.wide)
    for p in sorted(Path("specs").glob("*.nn"))
]
SEQUENCES = [
    pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.wide) for name in NETS
]


def sources(entries: Iterable[Entry]) -> set[str]:
    """The text of every CUDA kernel of some entries."""
    instructions = [i for e in entries for p in e.phases for i in p.instructions]
    return {i.launch.source for i in instructions if i.launch is not None}


def all_elementwise(formulas: bool) -> Graph:
    """Every elementwise operator with a formula, or all others and both kinds of draws."""
    builder = Builder()
    xs = [builder.add(Input(f"x{k}", (3,))) for k in range(3)]
    counters = [builder.add(PersistentOp(key, (), index=True)) for key in ("seed", "step")]
    made = [builder.add(Random(7, (3,), normal), *counters) for normal in (False, True)]
    made = [] if formulas else made
    for op in OPS.values():
        if issubclass(op, Elementwise) and bool(op.definition) == formulas:
            made.append(builder.add(op(), *xs[: len(op.domains)]))
    return builder.graph({f"y{k}": y.id for k, y in enumerate(made)})


@cache
def check(text: str, word: int) -> None:
    """A text's kernels compile; ptxas takes them, if there is one."""
    for function in functions_of(text, word):
        check_ptx(shim.compile_ptx(function, word, (9, 0)), text, word)


def check_ptx(ptx: str, text: str, word: int) -> None:
    """It is for this GPU, has no float64 where none was meant, and ptxas takes it."""
    assert ".target sm_90" in ptx
    assert word == 8 or (".f64" in ptx) == ("wide(" in text), text
    if PTXAS is not None:
        ptx = re.sub(r"\.version \d+\.\d+", ".version 8.0", ptx)  # for one of an older toolkit
        command = [PTXAS, "-arch=sm_90", "-o", os.devnull, "-"]
        done = subprocess.run(command, input=ptx, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.parametrize("formulas", [pytest.param(False, marks=pytest.mark.wide), True])
@pytest.mark.parametrize("word", [4, pytest.param(8, marks=pytest.mark.wide)])
def test_operators(word: int, formulas: bool) -> None:
    entry = schedule("test", all_elementwise(formulas), {"seed": 0, "step": 16}, target="cuda")
    for text in sources([entry]) | {CLEAR, MEAN}:
        check(text, word)


def test_a_planted_double_literal_is_found() -> None:
    text = "model f(x : [40]) -> [40] { maximum(x, 0.3) }"
    found = sources([compile_source(text).of_target("cuda").entries["forward/f"]])
    (text,) = (text for text in found if "real(0.3)" in text)
    check(text, 4)
    with pytest.raises(AssertionError):
        check(text.replace("real(0.3)", "0.3"), 4)


def test_rounded_products() -> None:
    """In bf16 operands are rounded by their bits, before a product of float32."""
    text = """
model f(x : [6, 6, 2]) -> [3] { x |> conv(5, 3x3) |> relu |> flatten |> dense(3) }
data d(x : [6, 6, 2], label : class(3)) = npz("none.npz")
train on d { minimize cross_entropy(f(x), label) using sgd(lr = 0.1), batch 8, precision bf16 }
"""
    found = sources([compile_source(text).of_target("cuda").entries["step/train"]])
    assert any("to_bfloat(" in text for text in found)
    for text in found:
        check(text, 4)


@pytest.mark.parametrize(
    ("precision", "exact"),
    [("bf16", False), ("bf16", True), pytest.param("tf32", False, marks=pytest.mark.wide)],
)
def test_tensor_cores(precision: str, exact: bool) -> None:
    """Where they may be inexact, all five products of a network in tiles are made by warps."""
    text = """
model f(x : [70]) -> [30] { x |> dense(130) |> tanh |> dense(30) }
data d(x : [70], label : class(30)) = npz("none.npz")
train on d { minimize cross_entropy(f(x), label) using sgd(lr = 0.1) }
"""
    program = compile_source(text, exact=exact, precision=precision).of_target("cuda")
    found = [t for t in sources([program.entries["step/train"]]) if "products(" in t]
    by_warps = [t for t in found if f"{precision}_products(" in t]
    assert len(by_warps) == (0 if exact else len(found)) and found
    for text in by_warps:
        ptx = shim.compile_ptx(functions_of(text, 4)[0], 4, (9, 0))
        terms = {"bf16": 16, "tf32": 8}[precision]
        kinds = f"row.col.f32.{precision}.{precision}.f32"
        assert f"mma.sync.aligned.m16n8k{terms}.{kinds}" in ptx
        check_ptx(ptx, text, 4)


@pytest.mark.parametrize("word", [4, 8])
def test_only_sums_of_products_are_fused(word: int) -> None:
    a, b = (Input(key, (3,)) for key in "ab")
    builder = Builder()
    x, y = builder.add(a), builder.add(b)
    written = builder.graph({"y": (x * y - y * x + x).id})
    (text,) = sources([schedule("test", written, {}, target="cuda")])
    ptx = shim.compile_ptx(functions_of(text, word)[0], word, (9, 0))
    real = f"f{8 * word}"
    assert f"mul.rn.{real}" in ptx and f"add.rn.{real}" in ptx
    assert f"fma.rn.{real}" not in ptx
    builder = Builder()
    x, y = builder.add(a), builder.add(b)
    dot = Contract((3,), ((index(0),), (index(0),)), (), ())
    summed = builder.graph({"y": builder.add(dot, x, y).id})
    sums = sources([schedule("test", summed, {}, target="cuda")])
    texts = [shim.compile_ptx(functions_of(text, word)[0], word, (9, 0)) for text in sums]
    assert any(f"fma.rn.{real}" in text for text in texts)


@pytest.mark.parametrize(
    "name", ["TAKE", "TAKE_OWN", "SCATTER", "FROM_ROWS", "NUMBER_ROWS", "ARGMAX"]
)
def test_gathers(name: str) -> None:
    check(getattr(cuda_gather, name), 4)


@pytest.mark.parametrize("word", [4, 8])
def test_kernels_along_an_axis(word: int) -> None:
    for kernel in BY_SOURCE.values():
        check(kernel.cuda, word)


@pytest.mark.parametrize("name", SEQUENCES)
def test_networks_over_sequences(name: str) -> None:
    offsets = {key: 256 * k for k, key in enumerate(SIZES)}
    for text in sources([schedule("net", optimise(NETS[name]()), offsets, target="cuda")]):
        check(text, 4)


@pytest.mark.parametrize("spec", SPECS)
def test_specs(spec: Path) -> None:
    program = compile_file(spec).of_target("cuda")
    for text in sources(program.entries.values()):
        check(text, 4)


def test_a_slice_of_a_convolution() -> None:
    program = compile_file(Path("specs/mnist_cnn.nn")).of_target("cuda")
    for text in sorted(sources([program.entries["step/train"]]))[::5]:
        check(text, 4)
