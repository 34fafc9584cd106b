"""What this machine can do at most, measured: multiplications and memory traffic a second.

    limits = measure(threads=2)
    limits.seconds(operations=1e9, bytes=1e6, footprint=4e6)

The multiply rate is that of a matrix product whose operands lie in the nearest caches; bandwidth
is that of a sum of two arrays into a third, for footprints from the second-level cache to memory.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np

from gradc_compiler.program.entry import Kernel
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.binding.io_binding import address
from gradc_runtime.cpu.objects.compile_kernels import addresses
from gradc_runtime.cpu.objects.link import NATIVE
from gradc_runtime.system.aligned_memory import aligned

FOOTPRINTS = (400_000, 4_000_000, 16_000_000, 128_000_000)  # bytes
Clock = Callable[[], float]
ROWS, COLUMNS, TERMS = 96, 96, 256  # of the product
BUDGET = 0.1  # seconds for each number
ADD = Kernel("k0", """\
def k0(pointers, geometry, begin, end, first):
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    x2 = reals(pointers, 2)
    for i0 in range(begin, end):
        v0 = x0[i0]
        v1 = x1[i0]
        x2[i0] = v0 + v1
""")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Roofline:
    """Of some threads: operations a second, and bytes a second for each footprint."""

    threads: int
    operations: float
    bandwidth: dict[int, float]

    def seconds(self, *, operations: float, bytes: float, footprint: float) -> float:
        """The least time: of the arithmetic or of the traffic, whichever is more."""
        fitting = [size for size in self.bandwidth if size >= footprint]
        level = min(fitting, default=max(self.bandwidth))
        return max(operations / self.operations, bytes / self.bandwidth[level])


def measure(threads: int, word: int = 4, clock: Clock = perf_counter) -> Roofline:
    """The limits of so many threads, for numbers of `word` bytes.

    `clock` gives seconds: of one thread on a busy machine, those of the processor.
    """
    product, add = (NATIVE(a) for a in addresses([Kernel("contract_rows"), ADD], word))
    rate = threads * _multiplications(product, threads, word, clock)
    bandwidth = {size: _bandwidth(add, threads, word, size, clock) for size in FOOTPRINTS}
    return Roofline(threads, rate, bandwidth)


def _best(task: Callable[[int], None], threads: int, clock: Clock) -> float:
    """Seconds until all threads have done their task once, in the fastest of many turns."""
    with ThreadPoolExecutor(threads) as pool:
        return _fastest(lambda: list(pool.map(task, range(threads))), clock)


def _fastest(call: Callable[[], object], clock: Clock) -> float:
    call()
    best, start = float("inf"), clock()
    while clock() - start < BUDGET:
        begin = clock()
        call()
        best = min(best, clock() - begin)
    return best


def _numbers(count: int, word: int) -> np.ndarray:
    array = aligned(count, np.dtype(f"f{word}"))
    array[:] = 0.5
    return array


def _multiplications(kernel: Callable[..., None], threads: int, word: int, clock: Clock) -> float:
    """Operations a second of one thread, while all are at work."""
    geometry = np.array([0, COLUMNS, ROWS, TERMS, COLUMNS, 1, 0, 0, TERMS, 1, COLUMNS, 0])
    sizes = (ROWS * TERMS, TERMS * COLUMNS, ROWS * COLUMNS)
    operands = [[_numbers(n, word) for n in sizes] for _ in range(threads)]
    pointers = [np.array([address(array) for array in own]) for own in operands]
    turns = 100

    def task(number: int) -> None:
        for _ in range(turns):
            kernel(address(pointers[number]), address(geometry), 0, 0, 0)

    best = _best(task, threads, clock)
    return turns * 2 * ROWS * COLUMNS * TERMS / best


def _bandwidth(
    kernel: Callable[..., None], threads: int, word: int, size: int, clock: Clock
) -> float:
    """Bytes a second of all threads together, each on its part of three arrays."""
    count = size // (3 * word)
    arrays = [_numbers(count, word) for _ in range(3)]
    pointers = np.array([address(array) for array in arrays])
    turns = max(1, 50_000_000 // size)

    def task(number: int) -> None:
        begin, end = (count * k // threads // 16 * 16 for k in (number, number + 1))
        for _ in range(turns):
            kernel(address(pointers), address(pointers), begin, end, 0)

    best = _best(task, threads, clock)
    return turns * 3 * word * count / best
