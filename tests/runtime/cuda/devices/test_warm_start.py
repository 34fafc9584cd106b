"""Kernels kept between runs: a second process compiles nothing, and imports no Numba.

NVIDIA's driver is a fake, which links and runs nothing; everything before it is as on a GPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradc_runtime.cpu.objects import object_cache
from gradc_runtime.cuda.devices import kernel_cache
from gradc_runtime.cuda.devices.kernel_cache import Target, key_of, program_code
from gradc_runtime.cuda.devices.launch_form import KernelForm, KernelKey
from gradc_runtime.cuda.devices.ptx_builder import kernel_of, renamed, told_of
from gradc_runtime.cuda.kernels import CLEAR, MEAN

ROOT = Path(__file__).parents[4]
CODE = """
import json, sys
from gradc_runtime.cuda.devices import driver_device
from gradc_runtime.cuda.execution import cuda_executable
from tests.runtime.cuda.devices.fake_driver import FakeDriver
import gradc
gpu = driver_device.opened(FakeDriver())
told = []
gpu.progress = lambda done, of: told.append([done, of])
cuda_executable.device = lambda: gpu
session = gradc.Session(gradc.compile_file("specs/house.nn"), target="cuda")
session.step(sqft=[2.0], paid=[3.0])
print(json.dumps([told, [m for m in ("numba", "llvmlite") if m in sys.modules]]))
"""
NINE = Target((9, 0), 4, "driver 13000")
ONE, OTHER = (KernelKey(((text, 0, 0),)) for text in (CLEAR, MEAN))


def start(cache: Path) -> Any:
    """What a process compiles, and what it imports of Numba."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "GRADC_CACHE": str(cache), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_a_warm_start_imports_no_numba(tmp_path: Path) -> None:
    pytest.importorskip("numba_cuda", reason="the extra cuda-test is not installed")
    try:
        told, _ = start(tmp_path)
    except AssertionError as fault:
        if "libnv" in str(fault):
            pytest.skip("needs NVIDIA's compilers, NVVM and NVRTC")
        raise
    assert told[-1][0] == told[-1][1] == len(told) > 3
    assert start(tmp_path) == [[], []]
    (cubin,) = tmp_path.glob(f"*{object_cache.CUBIN}")
    cubin.write_bytes(cubin.read_bytes()[:-1] + b"?")  # damaged: made again, of kept PTX
    assert start(tmp_path) == [[], []]
    texts = sorted(tmp_path.glob(f"*{object_cache.PTX}"))
    texts[0].chmod(0o666)  # others may write it: it is not trusted
    cubin.write_bytes(b"{}")
    assert start(tmp_path)[0] == [[1, 1]]


def test_what_a_key_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        key_of(ONE, NINE),
        key_of(OTHER, NINE),
        key_of(ONE, Target((8, 0), 4, "driver 13000")),
        key_of(ONE, Target((9, 0), 8, "driver 13000")),
        key_of(KernelKey(ONE.parts, KernelForm.ALONG_ROWS), NINE),
    }
    assert len(keys) == 5 and key_of(ONE, NINE) == key_of(ONE, Target((9, 0), 4, "another"))
    monkeypatch.setattr(kernel_cache, "compilers", lambda: "numba-cuda of tomorrow")
    assert key_of(ONE, NINE) not in keys


def test_a_program_is_linked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path))
    built: list[list[KernelKey]] = []

    def build(kernels: Any, names: Any, *_: Any) -> list[str]:
        built.append(list(kernels))
        return [f"// {name}" for name in names]

    monkeypatch.setattr(kernel_cache, "build_ptx", build)
    linked: list[int] = []

    def link(texts: Any) -> bytes:
        linked.append(len(texts))
        return b"".join(texts)

    first = program_code([ONE, OTHER], NINE, link)
    assert program_code([OTHER, ONE], NINE, link) == first and linked == [2]
    program_code([ONE], NINE, link)
    assert built == [[ONE, OTHER], []] and linked == [2, 1]  # its PTX was there
    program_code([ONE], Target((9, 0), 4, "another driver"), link)
    assert linked == [2, 1, 1]


def test_names_that_numba_has_counted() -> None:
    ptx = """.common .global .u64 _ZN08NumbaEnv2k0B2v1;
.visible .entry _ZN2k0B2v1E(
    .param .u64 _ZN2k0B2v1E_param_0
) { .shared .b8 _cudapy_smem_7[16]; mov.u64 %rd1, _cudapy_smem_7; ld.param [_ZN2k0B2v1E_param_0]; }
"""
    found = renamed(ptx, "kx")
    assert "_ZN" not in found and "_cudapy" not in found
    assert ".entry kx(" in found and "kx_param_0" in found and found.count("kx_smem_7") == 2


def test_a_kernel_as_plain_data() -> None:
    for kernel in (ONE, KernelKey((*ONE.parts, *OTHER.parts), KernelForm.SIDE_BY_SIDE)):
        assert kernel_of(json.loads(json.dumps(told_of(kernel)))) == kernel
