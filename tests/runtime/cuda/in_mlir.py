"""The texts of kernels through numba-cuda-mlir, which is to follow numba-cuda; it may fail.

numba-cuda is in maintenance.  Which texts its successor compiles says what the change will take.
What knows numba-cuda is `shim.py` and its neighbours for tiles: here the shim is given the other
package in its place, so plain kernels go through; those in tiles, whose intrinsics are of LLVM and
not of MLIR, have no others yet and are left out.

    pip install 'numba-cuda-mlir[cu13]' && python -m tests.runtime.cuda.in_mlir
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from gradc_compiler.pipeline import compile_file

PACKAGE = "numba_cuda_mlir"
CAPABILITY = (9, 0)
SPECS = ("house", "curve", "circle")


def texts() -> Iterator[str]:
    """The kernels that every entry needs, and those of some specs that are not in tiles."""
    kernels: Any = import_module("gradc_runtime.cuda.kernels")
    yield from (text for name, text in vars(kernels).items() if name.isupper() and name != "HEAD")
    found = set()
    for spec in SPECS:
        program = compile_file(f"specs/{spec}.nn").of_target("cuda")
        for step in program.training.steps if program.training else ():
            phases = program.entries[step.entry].phases
            found |= {i.launch.source for p in phases for i in p.instructions if i.launch}
    yield from sorted(text for text in found if "lane()" not in text)


def change() -> Any:
    """The other package in the place of numba-cuda; its module `cuda`."""
    shim: Any = import_module("gradc_runtime.cuda.shim")
    tools: Any = import_module(f"{PACKAGE}.tools")
    shim.cuda = import_module(f"{PACKAGE}.cuda")
    shim.types = import_module(f"{PACKAGE}.types")
    ratio = shim.inlined(lambda a, b: np.int32(np.uint32(a) // np.uint32(b)))
    shim.tile_functions = lambda word: {"ratio": ratio, "whole": np.int32, "unsigned": np.uint32}
    tools._cached_cc = CAPABILITY  # else it asks a driver, though nothing is run
    return shim.cuda


def main() -> int:
    """Print how many plain kernels compile; always 0."""
    if find_spec(PACKAGE) is None:
        print("numba-cuda-mlir is not installed: skipped")
        return 0
    cuda = change()
    shim: Any = import_module("gradc_runtime.cuda.shim")
    verified: Any = import_module("gradc_runtime.cuda.verify_cuda_source")
    done, reasons = 0, []
    for text in (known := list(texts())):
        try:
            for function in verified.functions_of(text, 4):
                cuda.compile_ptx(function, shim.signature(function, 4), cc=CAPABILITY)
            done += 1
        except Exception as fault:  # whatever the other compiler does
            reasons.append(f"{type(fault).__name__}: {str(fault).strip()[:80]}")
    told = f"{done} of {len(known)} texts compile by {PACKAGE} {version('numba-cuda-mlir')}"
    print(told + (f"; first: {reasons[0]}" if reasons else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
