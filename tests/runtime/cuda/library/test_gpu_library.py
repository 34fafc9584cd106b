"""A model as a library for GPUs: compiled against NVIDIA's header, run with a stub of the driver.

The stub does everything but run kernels; that these compute the model is shown in
`model_in_simulator.py`, from the same data.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_runtime.cuda.library.gpu_library import cuda_include, write_library
from gradc_runtime.cuda.library.gpu_model import GpuModel, gpu_model
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError

ROOT = Path(__file__).parents[4]
STUB = Path(__file__).with_name("stub_libcuda.c")
SEQUENCES = "model says(xs : seq [3]) -> seq [2] { xs |> dense(2) }"
RUN = """
import ctypes, json, sys
stub = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
model = ctypes.CDLL(sys.argv[2])
handle, n = ctypes.c_void_p(), 19
code = model.inside_gpu_open(0, ctypes.byref(handle))
counts = {}
if not code:
    x, y = (ctypes.c_float * (2 * n))(), (ctypes.c_float * (2 * n))()
    model.inside_gpu_run.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t, ctypes.c_void_p]
    code = model.inside_gpu_run(handle, x, y, n, None)
    counts = {"opened": [ctypes.c_int.in_dll(stub, f"stub_{w}").value for w in ("nodes", "edges")]}
    model.inside_gpu_close(handle)
left = [ctypes.c_int.in_dll(stub, f"stub_{w}").value for w in ("launches", "memory", "libraries")]
copied = ctypes.c_size_t.in_dll(stub, "stub_copied").value
print(json.dumps({"code": code, "left": left, "copied": copied, **counts}))
"""


def circle(batch: int) -> GpuModel:
    return gpu_model(Session(compile_file(ROOT / "specs" / "circle.nn")), "inside", batch)


def test_what_moves_with_the_memory() -> None:
    model = circle(8)
    numbers = [n for numbers in (*model.parameters, model.table) for n in numbers if n.moves]
    assert numbers and all(0 <= n.value < model.words for n in numbers)
    assert model.filled.size <= model.words and any(model.filled)
    assert all(first < second < len(model.launches) for first, second in model.edges)


def test_what_is_no_such_library() -> None:
    with pytest.raises(SessionError, match="takes no sequences"):
        gpu_model(Session(compile_source(SEQUENCES)), "says", 4)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a library and of the stub."""
    pytest.importorskip("numba_cuda", reason="the extra cuda-test is not installed")
    include = cuda_include()
    if include is None or shutil.which("cc") is None:
        pytest.skip("needs a C compiler and NVIDIA's cuda.h")
    folder = tmp_path_factory.mktemp("gpu")
    try:
        files = write_library(circle(8), folder, include)
    except Exception as fault:
        if "libnv" in str(fault):
            pytest.skip("needs NVIDIA's compilers, NVVM and NVRTC")
        raise
    assert [path.suffix for path in files] == [".c", ".h", ".bin", ".so"]
    command = ["cc", "-shared", "-fPIC", "-I", str(include), str(STUB), "-o", "libcuda.so"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


def run(folder: Path, fails: str = "") -> Any:
    """What a process says that uses the library."""
    command = [sys.executable, "-c", RUN, "./libcuda.so", "./libinside_gpu.so"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "STUB_FAILS": fails},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_program_runs_batches_in_one_graph(built: Path) -> None:
    model, found = circle(8), run(built)
    assert found["code"] == 0 and found["left"] == [3, 0, 0]  # batches of 8, 8 and 3
    assert found["opened"] == [len(model.launches), len(model.edges)]
    scores = model.arrays("output")[0][1].type.size
    assert found["copied"] == 19 * 4 * (2 + scores)


FAILING = ["cuInit", "cuLibraryLoadData", "cuMemAlloc", "cuGraphAddKernelNode", "cuGraphLaunch"]


@pytest.mark.parametrize("function", FAILING)
def test_a_fault_is_a_code_and_nothing_is_left(built: Path, function: str) -> None:
    found = run(built, function)
    assert found["code"] == 999 and found["left"][1:] == [0, 0]
