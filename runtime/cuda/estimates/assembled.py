"""Kernels as machine code without a GPU: what ptxas says of them, and their disassembly.

ptxas and nvdisasm come with NVIDIA's toolkit, or as wheels (nvidia-cuda-nvcc,
nvidia-cuda-nvdisasm).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import RunError

OLDEST_PTX = "8.0"  # that an older ptxas still takes; kernels use nothing newer
PTX_OF = {"10": "8.6", "12": "8.7"}  # the first that knows devices of such a compute capability


class NoAssembler(RunError):
    """A program of NVIDIA's toolkit is missing, or refuses a kernel."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a kernel takes: registers of a thread, bytes of shared memory, of spills and stack."""

    registers: int
    shared: int
    spilled: int
    frame: int


def tool(name: str) -> str:
    """A program of the toolkit.

    Raises `NoAssembler` where it is not installed.
    """
    wheels = (path for root in sys.path for path in Path(root).glob(f"nvidia/*/bin/{name}"))
    found = shutil.which(name) or next(map(str, wheels), None)
    if found is None:
        package = "nvidia-cuda-nvcc" if name == "ptxas" else f"nvidia-cuda-{name}"
        raise NoAssembler(f"this needs {name}: pip install {package}, or NVIDIA's toolkit")
    return found


def assemble(ptx: str, capability: tuple[int, int]) -> tuple[bytes, Resources]:
    """Machine code of a kernel, and what it takes.

    Raises `NoAssembler`.
    """
    version = PTX_OF.get(f"{capability[0]}", OLDEST_PTX)
    text = re.sub(r"\.version \d+\.\d+", f".version {version}", ptx)
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "kernel.cubin"
        major, minor = capability
        command = [tool("ptxas"), f"-arch=sm_{major}{minor}", "-v", "-o", str(cubin), "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise NoAssembler(f"ptxas refuses a kernel: {said[0] if said else 'no reason given'}")
        return cubin.read_bytes(), resources_in(done.stderr)


def resources_in(said: str) -> Resources:
    """The figures in what ptxas says."""

    def figure(pattern: str) -> int:
        return sum(map(int, re.findall(pattern, said)))

    return Resources(
        registers=figure(r"Used (\d+) registers"),
        shared=figure(r"(\d+) bytes smem"),
        spilled=figure(r"(\d+) bytes spill"),
        frame=figure(r"(\d+) bytes stack frame"),
    )


def disassemble(cubin: bytes) -> str:
    """The instructions of machine code, as nvdisasm prints them.

    Raises `NoAssembler`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        command = [tool("nvdisasm"), "-c", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoAssembler(f"nvdisasm refuses a kernel: {done.stderr.strip()[:200]}")
        return done.stdout
