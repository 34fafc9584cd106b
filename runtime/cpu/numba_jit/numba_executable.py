"""The back end `numba`: the CPU's, with kernels that Numba has compiled."""

from __future__ import annotations

from gradc_compiler.program.entry import Entry
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.objects.compile_kernels import NUMBA


class NumbaExecutable(Executable):
    """Runs one entry by the same schedule, on as many threads, as the CPU's executable."""

    compiler = NUMBA

    def variant(self, examples: int) -> Entry:
        """The entry itself: the single kernel of a whole step, for small batches, has examples side
        by side in vectors, which Numba has no type for.
        """
        return self.entry
