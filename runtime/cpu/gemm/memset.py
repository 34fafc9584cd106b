"""Zero a stretch of memory.

geometry = [words, is_range]: `words` at Y, or `words` for each example of begin..end.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.codegen.intrinsics import pointer_reader
from gradc_runtime.cpu.codegen.language import kernel_types


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    integers = pointer_reader(kernel_types.int32 if word == 4 else kernel_types.int64)

    def fill(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        y = integers(pointers, 0)
        words = geometry[0]
        start = begin * words if geometry[1] != 0 else 0
        stop = end * words if geometry[1] != 0 else words
        for i in range(start, stop):
            y[i] = 0

    return fill
