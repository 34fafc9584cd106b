"""What the processor can do, in one place: its name, its features, how wide its vectors are.

Everything that depends on the machine asks here: the tiles of the contraction kernels take their
width and height from it, and the cache keeps code apart that was made for different processors.

`GRADC_LEVEL` (sse2, sse4, avx2, avx512) makes code for a lesser processor than this one is: to
measure what wide vectors bring, or to look for a fault in them.  With `GRADC_CROSS=1` the code is
for elsewhere, so this processor need not have the level; it may then be `aarch64` too.
`GRADC_TILES=0` leaves a matrix unit alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import llvmlite.binding as llvm

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.tile_permission import tiles_granted

TILES = ContextVar("TILES", default=True)  # whether code may be made that needs a permission


@dataclass(frozen=True, slots=True)
class CompileTarget:
    """A processor as LLVM names it."""

    triple: str
    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int

    @property
    def is_x86(self) -> bool:
        """Whether it is an x86-64 processor."""
        return self.triple.startswith(("x86_64", "i686", "i386"))

    @property
    def is_arm(self) -> bool:
        """Whether it is a 64-bit ARM."""
        return self.triple.startswith(("aarch64", "arm64"))

    @property
    def multiplies_pairs(self) -> bool:
        """Whether it has an instruction for whole vectors of products of bfloat16."""
        return self.vector_bytes == 64 and "+avx512bf16" in self.features.split(",")

    @property
    def multiplies_tiles(self) -> bool:
        """Whether it multiplies tiles of bfloat16 (AMX), and this process may have it do so."""
        present = {"+amx-tile", "+amx-bf16"} <= {*self.features.split(",")}
        return present and self.multiplies_pairs and tiles_granted()

    def lanes(self, word: int) -> int:
        """How many numbers of `word` bytes one vector register holds."""
        return self.vector_bytes // word


LEVELS = {  # of x86: LLVM's name, and what a processor must have beside SSE2
    "sse2": ("x86-64", frozenset[str]()),
    "sse4": ("x86-64-v2", frozenset({"sse4.2", "ssse3", "popcnt"})),
    "avx2": ("x86-64-v3", frozenset({"avx2", "fma", "bmi2", "f16c", "movbe"})),
    "avx512": (
        "x86-64-v4",
        frozenset({"avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512cd", "avx2", "fma"}),
    ),
}


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
def host() -> CompileTarget:
    """The processor that this process runs on.  After the first call LLVM can make code for it, and
    load that.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    present = {name for name, on in features.items() if on}
    triple = llvm.get_process_triple()
    if os.environ.get("GRADC_CROSS"):
        return foreign(os.environ.get("GRADC_LEVEL", ""))
    if level := os.environ.get("GRADC_LEVEL"):
        return forced(level, present, triple)
    width, registers = vector_unit(present, triple)
    return CompileTarget(triple, llvm.get_host_cpu_name(), features.flatten(), width, registers)


def multiplies_tiles() -> bool:
    """Whether the code that is made now may multiply tiles."""
    return TILES.get() and host().multiplies_tiles


@contextmanager
def without_tiles() -> Iterator[None]:
    """Make code that a process can run which has not asked for the matrix unit."""
    before = TILES.set(False)
    try:
        yield
    finally:
        TILES.reset(before)


def foreign(level: str) -> CompileTarget:
    """A processor that code is only compiled for.

    Raises `SessionError` for a level that is unknown.
    """
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    if level == "aarch64":
        return CompileTarget("aarch64-unknown-linux-gnu", "generic", "+neon", 16, 32)
    _, needed = LEVELS.get(level, ("", frozenset()))
    return forced(level, {*needed}, "x86_64-unknown-linux-gnu")


def forced(level: str, present: set[str], triple: str) -> CompileTarget:
    """A lesser processor that this one can stand for.

    Raises `SessionError` for a level that is unknown or that this processor does not have.
    """
    if level not in LEVELS or not triple.startswith("x86_64"):
        raise SessionError(f"GRADC_LEVEL is {level}; levels of x86 are {', '.join(LEVELS)}")
    cpu, needed = LEVELS[level]
    if missing := needed - present:
        raise SessionError(f"GRADC_LEVEL is {level}; this processor has no {min(missing)}")
    width, registers = vector_unit(set(needed), triple)
    return CompileTarget(triple, cpu, "", width, registers)
