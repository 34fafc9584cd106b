"""The back end `numba`: the CPU's, with kernels that Numba has compiled."""

from __future__ import annotations

from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.objects.compile_kernels import NUMBA


class NumbaExecutable(Executable):
    """Runs one entry by the same schedule, on as many threads, as the CPU's executable."""

    compiler = NUMBA
