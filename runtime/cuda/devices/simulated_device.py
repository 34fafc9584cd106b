"""A device without a GPU: its memory is NumPy's, and its kernels are Python.

A graph's nodes run one by one in any order that its edges allow, another one each time: what a
missing edge would let a GPU do, happens here too.  New memory is full of NaN.  Kernels are what
`verify_cuda_source.py` makes of their text, on a few threads, in any order of these.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda import simulated_grid
from gradc_runtime.cuda.devices.device import THREADS, CopyCounts, CudaFault
from gradc_runtime.cuda.devices.heap import Heap
from gradc_runtime.cuda.launch.kernel_call import CudaCall
from gradc_runtime.cuda.launch.step_graph import StepGraph, StepNode
from gradc_runtime.cuda.verify_cuda_source import functions_of

SIZE = 1 << 31  # bytes, of which the system gives those that are used
BLOCKS = 2  # of a kernel with shared memory
MULTIPROCESSORS = 8  # recurrences with more blocks are launched step by step
POISON = 0xFF  # a byte of NaN


@dataclass(frozen=True, eq=False)
class SimulatedMemory:
    """Bytes of a simulated device."""

    address: int
    size: int


@dataclass(frozen=True, eq=False)
class ReadyWalk:
    """A graph that is ready to be walked."""

    graph: StepGraph
    word: int
    kernels: dict[tuple[str, int], Callable[..., Any]]


class SimulatedDevice:
    """What stands for a GPU."""

    def __init__(self, size: int = SIZE, seed: int = 0) -> None:
        self.bytes = np.zeros(size, np.uint8)
        self.heap, self.traffic = Heap(size), CopyCounts()
        self.at_once = MULTIPROCESSORS
        self.orders = np.random.default_rng(seed)
        self.watch: Callable[[CudaCall, Any, Any], tuple[Any, Any]] | None = None

    def memory(self, size: int) -> SimulatedMemory:
        """Bytes that are all NaN.

        Raises `CudaFault` where there are not so many left.
        """
        address = self.heap.take(size)
        if address is None:
            raise CudaFault(f"the GPU has no {size / 1e9:.1f} GB left")
        found = SimulatedMemory(address, size)
        self.bytes[address : address + size] = POISON
        weakref.finalize(found, self.heap.give, address)
        return found

    def free_bytes(self) -> int:
        """Memory that is left."""
        return self.heap.left

    def upload(self, address: int, values: NDArray[Any]) -> None:
        """Copy to the device."""
        found = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self.bytes[address : address + found.size] = found
        self.traffic.to_device += found.size

    stage = upload

    def join(self) -> None:
        """Nothing runs beside anything."""

    def download(self, address: int, values: NDArray[Any]) -> None:
        """Copy from the device."""
        target = values.reshape(-1).view(np.uint8)
        target[:] = self.bytes[address : address + target.size]
        self.traffic.to_host += target.size

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy within the device."""
        self.bytes[target : target + size] = self.bytes[source : source + size].copy()
        self.traffic.on_device += size

    def zero(self, address: int, size: int) -> None:
        """Write zeros."""
        self.bytes[address : address + size] = 0

    def build(self, graph: StepGraph, word: int) -> ReadyWalk:
        """The Python functions of all kernels."""
        needed = {call.kernel for node in graph.nodes for call in node.calls}
        return ReadyWalk(graph, word, {key: function_of(*key, word) for key in needed})

    def launch(self, built: ReadyWalk) -> None:
        """Walk a graph."""
        self.traffic.launches += 1
        words = self.bytes.view(np.float32 if built.word == 4 else np.float64)
        numbers = self.bytes.view(np.int32 if built.word == 4 else np.int64)
        for number in any_order(built.graph, self.orders):
            for call in self._calls(built.graph.nodes[number]):
                given = (words, numbers)
                if self.watch is not None:
                    given = self.watch(call, words, numbers)
                run_call(call, built.kernels[call.kernel], *given)

    def _calls(self, node: StepNode) -> Iterator[CudaCall]:
        """A node's calls in any order; of one along rows, in order for each row, rows in any."""
        if not node.rows:
            yield from (node.calls[k] for k in self.orders.permutation(len(node.calls)))
            return
        for row in self.orders.permutation(node.rows).tolist():
            yield from (replace(call, begin=row, count=1) for call in node.calls)


def any_order(graph: StepGraph, orders: np.random.Generator) -> Iterator[int]:
    """The nodes in an order in which each comes after those that it waits for."""
    waits = [len(firsts) for firsts in graph.before()]
    after: list[list[int]] = [[] for _ in graph.nodes]
    for first, second in graph.edges:
        after[first].append(second)
    ready = [number for number, count in enumerate(waits) if not count]
    while ready:
        number = ready.pop(int(orders.integers(len(ready))))
        yield number
        for other in after[number]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)


def run_call(call: CudaCall, kernel: Callable[..., Any], words: Any, numbers: Any) -> None:
    """Run one kernel for the rows that there are."""
    begin, count, live = call.begin, call.count, 1
    if call.slot:
        begin, count, live = (int(numbers[call.slot + k]) for k in range(3))
    if not live:
        return
    total = call.pieces * count if call.each else call.pieces
    given = (words, numbers, call.numbers, 0, begin, count, total)
    simulated_grid.run(kernel, given, BLOCKS, THREADS)


@lru_cache(maxsize=2048)
def function_of(source: str, number: int, word: int) -> Callable[..., Any]:
    """A kernel of a text."""
    return functions_of(source, word)[number]
