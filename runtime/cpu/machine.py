"""What the processor can do, in one place: its name, its features, how wide its vectors are.

Everything that depends on the machine asks here: the tiles of the contraction kernels take their
width and height from it, and the cache keeps code apart that was made for different processors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor as LLVM names it."""

    triple: str
    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int

    def lanes(self, word: int) -> int:
        """How many numbers of `word` bytes one vector register holds."""
        return self.vector_bytes // word


def vector_unit(features: set[str], triple: str) -> tuple[int, int]:
    """(bytes in a vector register, number of vector registers)."""
    if "avx512f" in features and "avx512vl" in features:
        return 64, 32
    if "avx2" in features and "fma" in features:
        return 32, 16
    if triple.startswith(("aarch64", "arm64")):
        return 16, 32
    return 16, 16


@cache
def host() -> Machine:
    """The processor this process runs on; LLVM can make and load code for it from here on."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    present = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    width, registers = vector_unit({name for name, on in present.items() if on}, triple)
    return Machine(triple, llvm.get_host_cpu_name(), present.flatten(), width, registers)
