"""The two kernels that every entry needs, and the store of compiled ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from gradc_runtime.cuda import shim
from gradc_runtime.cuda.verify_cuda_source import functions_of

CLEAR = """\
def k0(words, numbers, table, at, begin, count, total):
    # y = 0
    x0 = table[at]
    for t0 in range(thread(), total, threads()):
        words[x0 + t0] = real(0.0)
"""

MEAN = """\
def k0(words, numbers, table, at, begin, count, total):
    # y = x / N
    x0 = table[at]
    x1 = table[at + 1]
    for t0 in range(thread(), total, threads()):
        words[x1 + t0] = words[x0 + t0] / real(count)
"""


@cache
def compiled(text: str, word: int) -> Callable[..., None]:
    """The launcher of a text's kernels; the same text is compiled once in a process."""
    launches = [shim.compile_kernel(function, word) for function in functions_of(text, word)]

    def launch(*arguments: Any) -> None:
        for each in launches:
            each(*arguments)

    return launches[0] if len(launches) == 1 else launch
