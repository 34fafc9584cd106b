"""The texts of kernels through numba-cuda-mlir, which is to follow numba-cuda; it may fail.

numba-cuda is in maintenance.  Which texts its successor compiles says what the change will take.

    pip install numba-cuda-mlir && python -m tests.runtime.cuda.in_mlir
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

PACKAGE = "numba_cuda_mlir"


def main() -> int:
    """Print how many plain kernels compile; always 0."""
    if find_spec(PACKAGE) is None:
        print("numba-cuda-mlir is not installed: skipped")
        return 0
    kernels: Any = import_module("gradc_runtime.cuda.kernels")
    verified: Any = import_module("gradc_runtime.cuda.verify_cuda_source")
    shim: Any = import_module("gradc_runtime.cuda.shim")
    texts = [text for name, text in vars(kernels).items() if name.isupper() and name != "HEAD"]
    done, reasons = 0, []
    for text in texts:
        for function in verified.functions_of(text, 4):
            try:
                cuda: Any = import_module(f"{PACKAGE}.cuda")
                cuda.compile_ptx(function, shim.signature(function, 4), cc=(9, 0))
                done += 1
            except Exception as fault:  # whatever the other compiler does
                reasons.append(f"{type(fault).__name__}: {str(fault).strip()[:80]}")
    print(f"{done} of {len(texts)} texts compile" + (f"; first: {reasons[0]}" if reasons else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
