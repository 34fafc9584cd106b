"""Kernels compiled to PTX, in several processes where there are many.

A process reads kernels as JSON on its standard input, and writes a line of JSON for each: no object
is unpickled.  numba-cuda is imported there, or here for a few kernels, and nowhere else.

    python -m gradc_runtime.cuda.devices.ptx_builder
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import IO, Any

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cuda.devices.device import CudaFault, CudaUnavailable
from gradc_runtime.cuda.devices.launch_form import KernelForm, KernelKey, Part
from gradc_runtime.system.extras import advice

FEW = MACHINE.gpu_few_kernels  # that are not worth a process
MOST_PROCESSES = MACHINE.gpu_compilers
TENSOR_CORES = (8, 0)  # the compute capability from which on these multiply TF32 and bfloat16
BY_WARPS = ("tf32_products", "bf16_products")
Progress = Callable[[int, int], None]  # kernels that are done, of how many
Told = tuple[list[Part], str]


def told_of(kernel: KernelKey) -> Told:
    """A kernel as plain data."""
    return list(kernel.parts), kernel.form.value


def kernel_of(told: Any) -> KernelKey:
    """The kernel that plain data tell of."""
    parts, form = told
    return KernelKey(tuple((str(s), int(n), int(w)) for s, n, w in parts), KernelForm(form))


def build_ptx(
    kernels: Sequence[KernelKey], names: Sequence[str], capability: tuple[int, int], word: int,
    progress: Progress | None = None,
) -> list[str]:  # fmt: skip
    """The PTX of each kernel, whose entry has the name given.

    Raises `CudaUnavailable` without numba-cuda, and where a GPU is too old for a kernel.
    """
    require_tensor_cores(kernels, capability)
    if kernels and find_spec("numba_cuda") is None:
        raise CudaUnavailable(advice("numba.cuda", "target cuda"))
    report = progress or (lambda done, of: None)
    asked = [
        {"kernel": told_of(kernel), "name": name, "capability": capability, "word": word}
        for kernel, name in zip(kernels, names, strict=True)
    ]
    cores = len(os.sched_getaffinity(0))
    if len(asked) <= FEW or cores == 1:
        return [_counted(one_ptx(one), k, len(asked), report) for k, one in enumerate(asked, 1)]
    return _in_processes(asked, min(cores, MOST_PROCESSES), report)


def require_tensor_cores(kernels: Sequence[KernelKey], capability: tuple[int, int]) -> None:
    """Raises `CudaUnavailable` where tensor cores are to multiply what they cannot on a GPU."""
    texts = (text for kernel in kernels for text, _, _ in kernel.parts)
    if capability < TENSOR_CORES and any(f"{name}(" in text for text in texts for name in BY_WARPS):
        raise CudaUnavailable(
            "products of rounded numbers need tensor cores, compute capability 8.0 or more, and"
            f" this GPU has {capability[0]}.{capability[1]}: use --precision float32, or --exact"
        )


def _counted(ptx: str, done: int, of: int, report: Progress) -> str:
    report(done, of)
    return ptx


def one_ptx(asked: Any) -> str:
    """The PTX of one kernel."""
    shim: Any = import_module("gradc_runtime.cuda.shim")
    verified: Any = import_module("gradc_runtime.cuda.verify_cuda_source")
    kernel, word = kernel_of(asked["kernel"]), int(asked["word"])
    if kernel.form is not KernelForm.ALONE:
        rows = kernel.form is KernelForm.ALONG_ROWS
        function = verified.joined_of(kernel.parts, word, rows=rows)
    else:
        ((source, number, _),) = kernel.parts
        function = verified.functions_of(source, word)[number]
    major, minor = asked["capability"]
    ptx: str = shim.compile_ptx(function, word, (int(major), int(minor)))
    return renamed(ptx, str(asked["name"]))


def renamed(ptx: str, name: str) -> str:
    """PTX whose entry has a name of ours, and no name that Numba has counted: kernels that were
    compiled by themselves may stand in one program.
    """
    (entry,) = re.findall(r"\.entry\s+(\S+?)\s*\(", ptx)
    ptx = ptx.replace(entry, name)
    ptx = re.sub(r"\b_ZN08NumbaEnv\w+", f"{name}_env", ptx)
    return re.sub(r"\b_cudapy_smem_(\d+)", rf"{name}_smem_\1", ptx)


def _in_processes(asked: Sequence[Any], count: int, report: Progress) -> list[str]:
    """The same in several processes, which take every `count`-th kernel each."""
    command = [sys.executable, "-W", "ignore", "-m", "gradc_runtime.cuda.devices.ptx_builder"]
    made: dict[int, str] = {}
    running = []
    for k in range(count):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None, "it was asked for"
        own = {number: asked[number] for number in range(k, len(asked), count)}
        process.stdin.write(json.dumps(own).encode())
        process.stdin.close()
        running.append(process)
    for process in running:
        for number, ptx in _answers(process):
            made[number] = ptx
            report(len(made), len(asked))
    return [made[number] for number in range(len(asked))]


def _answers(process: subprocess.Popen[bytes]) -> Iterator[tuple[int, str]]:
    """What a process has compiled, as it comes; `CudaFault` where it fails."""
    assert process.stdout is not None and process.stderr is not None, "they were asked for"
    for line in process.stdout:
        number, ptx = json.loads(line)
        yield int(number), str(ptx)
    said = process.stderr.read().decode(errors="replace").strip().splitlines()
    if process.wait():
        raise CudaFault(f"a kernel cannot be compiled: {said[-1] if said else 'no reason given'}")


def serve(given: IO[bytes], out: IO[str]) -> None:
    """Compile what is asked for, a line of JSON for each."""
    for number, asked in json.loads(given.read()).items():
        out.write(json.dumps([int(number), one_ptx(asked)]) + "\n")
        out.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout)
