"""Kernels built before the first call: while somebody is told that this is what is waited for."""

from __future__ import annotations

from gradc_runtime.cpu.executable import STRAIGHT, WALKER, Executable
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_runtime.cpu.threads import pool


def build_ahead(executable: Executable, examples: int) -> int:
    """Build what an entry needs for a batch of so many examples, and give the number of kernels;
    no memory is allocated for them.  Long sums of a batch may want a few more when they are called.
    """
    entry = executable.variant(examples)
    whole = entry is executable.entry
    helped = pool.KERNELS if whole and executable.threads > 1 else ()
    kernels = (WALKER if whole else STRAIGHT, *entry.kernels, *helped)
    addresses(kernels, executable.word, executable.compiler)
    return len(kernels)
