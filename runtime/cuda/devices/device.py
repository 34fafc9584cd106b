"""What a device does: memory, copies that are counted, and graphs of kernels."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.launch.step_graph import StepGraph
from gradc_runtime.system.errors import RunError

THREADS = MACHINE.gpu_threads  # in a block of threads
MOST_BLOCKS = MACHINE.gpu_blocks  # beyond that a thread takes several pieces of work


class CudaUnavailable(RunError):
    """There is no GPU to run on, or something that is needed to use it is missing."""

    exit_code: ClassVar[int] = 2


class CudaFault(RunError):
    """The GPU ran out of memory or stopped."""


@dataclass
class CopyCounts:
    """Bytes copied to the device and back, and graphs launched."""

    to_device: int = 0
    to_host: int = 0
    on_device: int = 0
    launches: int = 0


class Memory(Protocol):
    """Bytes of the device, which are given back when nobody holds this any more."""

    address: int
    size: int


class Device(Protocol):
    """A GPU, or what stands for one."""

    traffic: CopyCounts
    at_once: int  # blocks that surely run at once: one on each multiprocessor

    def memory(self, size: int) -> Memory:
        """So many bytes, at least one, with anything in them.

        Raises `CudaFault` where there are not so many left.
        """

    def free_bytes(self) -> int:
        """Memory that is left."""

    def upload(self, address: int, values: NDArray[Any]) -> None:
        """Copy an array to the device, after all that has been asked for before."""

    def stage(self, address: int, values: NDArray[Any]) -> None:
        """Copy an array to the device beside what is running; `join` waits for it there."""

    def join(self) -> None:
        """Let what is asked for from now on wait, on the device, for what was staged."""

    def download(self, address: int, values: NDArray[Any]) -> None:
        """Copy from the device into an array, once everything asked for is done."""

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy bytes within the device."""

    def zero(self, address: int, size: int) -> None:
        """Write zeros."""

    def build(self, graph: StepGraph, word: int) -> Hashable:
        """Make a graph ready to be launched, for numbers of so many bytes; compiles what it needs.

        Raises `CudaFault`.
        """

    def launch(self, built: Any) -> None:
        """Run a graph after all that has been asked for before."""
