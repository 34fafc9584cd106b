"""PTX of kernels and machine code of programs, kept between runs by the rules of the CPU's cache.

The key of a kernel's PTX is a digest of its text, of the files that say what the text may call and
how it is compiled, of the compute capability and of the compilers' versions.  PTX is no key: Numba
counts its names.  The key of a program's machine code is a digest of the keys of its kernels, and
of the driver that made it.  Nothing is unpickled, and what is not sealed by this user's key is made
again.  With all of a program's code in the cache Numba is not imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.objects import object_cache
from gradc_runtime.cuda.devices.launch_form import KernelKey
from gradc_runtime.cuda.devices.ptx_builder import Progress, build_ptx, told_of

PACKAGES = ("numba-cuda", "numba", "llvmlite", "nvidia-nvvm", "nvidia-cuda-nvrtc")
FOLDER = Path(__file__).parent.parent
Compile = Callable[[Sequence[bytes]], bytes]  # PTX of all kernels to machine code


@dataclass(frozen=True, slots=True)
class Target:
    """What kernels are compiled for."""

    capability: tuple[int, int]
    word: int  # bytes of a number
    driver: str = ""


@cache
def compilers() -> str:
    """The versions of the compilers, and a digest of the files that tell them what to do."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    digest = sha256()
    for path in sorted(FOLDER.glob("*.py")):
        digest.update(path.read_bytes())
    return f"{', '.join(found)}; {digest.hexdigest()}"


def key_of(kernel: KernelKey, target: Target) -> str:
    """The name of a kernel's PTX in the cache."""
    of = (told_of(kernel), target.capability, target.word, compilers())
    return sha256(json.dumps(of).encode()).hexdigest()


def name_of(kernel: KernelKey, target: Target) -> str:
    """What a kernel is called in machine code."""
    return f"k{key_of(kernel, target)[:24]}"


def ptx_of(
    kernels: Sequence[KernelKey], target: Target, progress: Progress | None = None
) -> list[bytes]:
    """The PTX of kernels, from the cache as far as it is there; the rest is compiled, and kept.

    Raises `CudaUnavailable` where something has to be compiled and numba-cuda is missing.
    """
    found: dict[KernelKey, bytes] = {}
    for kernel in kernels:
        kept = object_cache.load(key_of(kernel, target), object_cache.PTX)
        if kept is not None:
            found[kernel] = kept
    missing = [kernel for kernel in kernels if kernel not in found]
    names = [name_of(kernel, target) for kernel in missing]
    made = build_ptx(missing, names, target.capability, target.word, progress)
    for kernel, text in zip(missing, made, strict=True):
        found[kernel] = text.encode()
        about = kernel.parts[0][0].partition("\n")[0][:80]
        object_cache.save(key_of(kernel, target), found[kernel], about, object_cache.PTX)
    return [found[kernel] for kernel in kernels]


def program_code(
    kernels: Sequence[KernelKey], target: Target, compiled: Compile,
    progress: Progress | None = None,
) -> bytes:  # fmt: skip
    """One piece of machine code with all kernels of a program; raises as `ptx_of` does."""
    keys = sorted(key_of(kernel, target) for kernel in kernels)
    key = sha256(json.dumps([keys, target.driver]).encode()).hexdigest()
    kept = object_cache.load(key, object_cache.CUBIN)
    if kept is None:
        kept = compiled(ptx_of(kernels, target, progress))
        major, minor = target.capability
        about = f"{len(kernels)} kernels for compute capability {major}.{minor}"
        object_cache.save(key, kept, about, object_cache.CUBIN)
    return kept
