"""Every import of numba-cuda, behind a few functions; without it, or a GPU, one clear line.

With NUMBA_ENABLE_CUDASIM=1 kernels run in numba-cuda's simulator: a Python thread for each CUDA
thread, so that their meaning can be tested on any machine.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from gradc_compiler.machine.machine import MACHINE

INSTALLED = find_spec("numba_cuda") is not None
if INSTALLED:
    types: Any = import_module("numba.types")  # whose functions have no types of their own
    from numba.cuda.core import config

    cuda: Any = import_module("numba.cuda")
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # small networks are small grids
    SIMULATED = bool(config.ENABLE_CUDASIM)
    tiles: Any = import_module(
        f"gradc_runtime.cuda.{'simulated_functions' if SIMULATED else 'tile_functions'}"
    )
else:
    SIMULATED = False

THREADS = MACHINE.gpu_threads  # in a block of threads
ASYNC_COPIES = (8, 0)  # from this compute capability on, copies go past the registers
RESIDENT = "resident"  # what a kernel's text calls, and then an attribute of its function
BLOCK = "block_threads"  # an attribute of a function whose blocks have another number of them


def signature(function: Callable[..., None], word: int) -> Any:
    """Types of a kernel's arguments, by their names."""
    real = types.float32 if word == 4 else types.float64
    whole = types.int32 if word == 4 else types.int64
    pointers = {"words": real, "numbers": whole, "table": types.int64}
    count = function.__code__.co_argcount
    return tuple(
        types.CPointer(pointers[name]) if name in pointers else types.int64
        for name in function.__code__.co_varnames[:count]
    )


def launch_bounds(function: Callable[..., None], word: int) -> int | tuple[int, int]:
    """Threads of a block; and in float32, where a kernel says so, how many blocks are to fit a
    multiprocessor at once, which bounds the registers of a thread.
    """
    resident, threads = getattr(function, RESIDENT, 0), getattr(function, BLOCK, THREADS)
    return (threads, resident) if resident and word == 4 else threads


def compile_ptx(function: Callable[..., None], word: int, capability: tuple[int, int]) -> str:
    """PTX of a kernel, which needs the extra, but neither driver nor device."""
    given, bounds = signature(function, word), launch_bounds(function, word)
    return str(cuda.compile_ptx(function, given, cc=capability, launch_bounds=bounds)[0])


def device(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that kernels may call; in the simulator it is itself.

    It is inlined as text would be: compiled on its own it would need a device at hand.
    """
    return function if SIMULATED else inlined(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A device function that is typed and compiled with each kernel that calls it."""
    made: Callable[..., Any] = cuda.jit(device=True, inline="always")(function)
    return made


def place() -> dict[str, Callable[[], int]]:
    """The number of this thread among all, and how many there are; of the simulator `tiles` has
    them.
    """
    if SIMULATED:
        return {}

    def thread() -> Any:
        return cuda.grid(1)

    def threads() -> Any:
        return cuda.gridsize(1)

    return {"thread": inlined(thread), "threads": inlined(threads)}


def tile_functions(word: int) -> dict[str, Callable[..., Any]]:
    """What kernels in tiles call: shared memory, barriers, copies, products of a step."""
    if SIMULATED:
        made: dict[str, Callable[..., Any]] = tiles.functions(word)
        return made
    old = cuda.is_available() and cuda.get_current_device().compute_capability < ASYNC_COPIES
    return {**tiles.functions(word, recent=not old)}


def primitives(word: int) -> dict[str, Callable[..., Any]]:
    """Functions of one real number; NumPy's in the simulator, libdevice's on a GPU."""
    names = ("exp", "log", "log1p", "expm1", "tanh", "sin", "cos", "sqrt")
    if SIMULATED:
        number = np.float32 if word == 4 else np.float64
        own = {"erf": lambda x: number(math.erf(x)), "abs_": abs, "floor": np.floor}
        return {name: getattr(np, name) for name in names} | own | {"power": np.power}
    library = cuda.libdevice
    own = {"erf": math.erf, "power": math.pow, "abs_": library.fabsf, "floor": library.floorf}
    if word == 8:
        own |= {"abs_": library.fabs, "floor": library.floor}
    return {name: getattr(math, name) for name in names} | own


def arithmetic(word: int) -> dict[str, Callable[..., Any]]:
    """Sums, differences and products that are rounded on their own: nothing fuses them."""
    if SIMULATED:
        return {"added": operator.add, "subtracted": operator.sub, "multiplied": operator.mul}
    library = cuda.libdevice
    single = (library.fadd_rn, library.fmul_rn)
    add, multiply = single if word == 4 else (library.dadd_rn, library.dmul_rn)
    return {
        "added": inlined(lambda a, b: add(a, b)),
        "subtracted": inlined(lambda a, b: add(a, -b)),
        "multiplied": inlined(lambda a, b: multiply(a, b)),
    }


def whole_arithmetic(word: int) -> tuple[Callable[..., Any], ...]:
    """Of a device: fmod, x * y + z with one rounding, and floor."""
    if SIMULATED:
        return np.fmod, fused_in_simulator, np.floor
    library = cuda.libdevice
    if word == 4:
        return library.fmodf, library.fmaf, library.floorf
    return library.fmod, library.fma, library.floor


def fused_in_simulator(x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once."""
    plain = x * y + z
    if not math.isfinite(plain):
        return plain
    return type(plain)(float(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))))


def rounding(word: int, dropped: int) -> Callable[..., Any]:
    """A number rounded to a float32 without its last bits, as `compiler/ops/bfloat16.py` has it."""
    below_half, upper = (1 << dropped - 1) - 1, -(1 << dropped)
    number = np.float32 if word == 4 else np.float64
    bits_of: Any = lambda x: int(x.view(np.int32))  # noqa: E731 (of the simulator)
    of_bits: Any = lambda bits: bits.view(np.float32)  # noqa: E731
    if not SIMULATED:
        bits_of, of_bits = cuda.libdevice.float_as_int, cuda.libdevice.int_as_float

    def rounded(x: Any) -> Any:
        if x != x:
            return x
        bits = bits_of(np.float32(x))
        nearest = (bits + below_half + ((bits >> dropped) & 1)) & upper
        return number(of_bits(np.int32(nearest)))

    return device(rounded)


def bits_and_multiply_add() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The bits of a float32, and x * y + z with one rounding."""
    return cuda.libdevice.float_as_int, cuda.libdevice.fmaf
