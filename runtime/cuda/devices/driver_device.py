"""A GPU through NVIDIA's driver: memory, copies on two streams, and graphs of kernels.

A step is one graph, made once and launched by one call: each node is a kernel with its parameters.
What the host brings for the next steps goes through two pinned buffers and a stream of its own,
beside what is running; an event says when it is there.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.devices.device import CopyCounts, CudaFault
from gradc_runtime.cuda.devices.driver_calls import Driver
from gradc_runtime.cuda.devices.kernel_cache import Target, name_of, program_code
from gradc_runtime.cuda.devices.launch_form import NodeLaunch, launches_of
from gradc_runtime.cuda.devices.pinned_buffers import PinnedBuffers
from gradc_runtime.cuda.devices.ptx_builder import Progress
from gradc_runtime.cuda.launch.step_graph import StepGraph

LOCAL_RANK = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMI_LOCAL_RANK", "SLURM_LOCALID")


@dataclass(frozen=True, eq=False)
class DriverMemory:
    """Bytes of a GPU."""

    address: int
    size: int


@dataclass(frozen=True, eq=False)
class DriverGraph:
    """A graph that can be launched, and what it needs for that."""

    handle: Any
    library: Any
    table: DriverMemory


def ordinal(count: int) -> int:
    """The GPU of this process among so many: of the ranks on a machine each has its own."""
    for name in LOCAL_RANK:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name]) % max(1, count)
    return 0


def opened(module: Any = None) -> DriverDevice:
    """The GPU of this process.

    Raises `CudaUnavailable` where there is none that can be used.
    """
    driver = Driver(module)
    driver.start()
    count = int(driver("cuDeviceGetCount"))
    gpu = driver("cuDeviceGet", ordinal(count))
    return DriverDevice(driver, gpu, driver.capability(gpu))


class DriverDevice:
    """One GPU, used by the threads of one process."""

    progress: Progress | None = None  # told while kernels are compiled

    def __init__(self, driver: Driver, gpu: Any, capability: tuple[int, int]) -> None:
        self.driver, self.gpu, self.capability = driver, gpu, capability
        self.context = driver("cuDevicePrimaryCtxRetain", gpu)
        self.at_once = driver.blocks_at_once(gpu)
        self.traffic = CopyCounts()
        self._process, self._entered = os.getpid(), threading.local()
        self.enter()
        self.stream, self.copies = (driver("cuStreamCreate", 1) for _ in range(2))  # non-blocking
        self._staged, self._done = (driver("cuEventCreate", 2) for _ in range(2))  # without times
        self.pinned = PinnedBuffers(driver, self.copies)

    def enter(self) -> None:
        """Let this thread use the GPU.

        Raises `CudaFault` in a process that was forked from the one that began to use it.
        """
        if os.getpid() != self._process:
            raise CudaFault("a forked process cannot use the GPU of the other: open a new session")
        if not getattr(self._entered, "here", False):
            self.driver("cuCtxSetCurrent", self.context)
            self._entered.here = True

    def memory(self, size: int) -> DriverMemory:
        """So many bytes."""
        self.enter()
        size = max(1, size)
        found = DriverMemory(int(self.driver("cuMemAlloc", size)), size)
        weakref.finalize(found, _freed, self.driver, found.address)
        return found

    def free_bytes(self) -> int:
        """Memory that is left."""
        self.enter()
        return int(self.driver("cuMemGetInfo")[0])

    def upload(self, address: int, values: NDArray[Any]) -> None:
        """Copy an array to the GPU, in turn with the work there."""
        self.enter()
        found = np.ascontiguousarray(values)
        self.driver("cuMemcpyHtoDAsync", address, found.ctypes.data, found.nbytes, self.stream)
        self.driver("cuStreamSynchronize", self.stream)  # the array may be changed from now on
        self.traffic.to_device += found.nbytes

    def stage(self, address: int, values: NDArray[Any]) -> None:
        """Copy an array to the GPU beside the work there."""
        self.enter()
        found = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
        self.pinned.send(address, found)
        self.traffic.to_device += found.nbytes

    def join(self) -> None:
        """Let the work wait for what was staged."""
        self.enter()
        self.driver("cuEventRecord", self._staged, self.copies)
        self.driver("cuStreamWaitEvent", self.stream, self._staged, 0)

    def download(self, address: int, values: NDArray[Any]) -> None:
        """Copy from the GPU, once its work is done."""
        self.enter()
        assert values.flags.c_contiguous, "it is filled as it lies"
        self.driver("cuMemcpyDtoHAsync", values.ctypes.data, address, values.nbytes, self.stream)
        self.driver("cuStreamSynchronize", self.stream)
        self.traffic.to_host += values.nbytes

    def copy(self, target: int, source: int, size: int) -> None:
        """Copy within the GPU."""
        self.enter()
        self.driver("cuMemcpyDtoDAsync", target, source, size, self.stream)
        self.traffic.on_device += size

    def zero(self, address: int, size: int) -> None:
        """Write zeros."""
        self.enter()
        self.driver("cuMemsetD8Async", address, 0, size, self.stream)

    def build(self, graph: StepGraph, word: int) -> DriverGraph:
        """A graph that can be launched by one call."""
        self.enter()
        launches, numbers = launches_of(graph)
        kernels = list(dict.fromkeys(launch.key for launch in launches))
        target = Target(self.capability, word, f"driver {self.driver('cuDriverGetVersion')}")
        code = program_code(kernels, target, self.linked, self.progress)
        library = self.driver("cuLibraryLoadData", code, None, None, 0, None, None, 0)
        functions = {key: self._function(library, name_of(key, target)) for key in kernels}
        table = self.memory(8 * max(1, len(numbers)))
        if numbers:
            self.upload(table.address, np.array(numbers, np.int64))
        nodes = [(functions[launch.key], launch) for launch in launches]
        handle = self._instantiated(nodes, graph.before(), table.address)
        found = DriverGraph(handle, library, table)
        weakref.finalize(found, _destroyed, self.driver, handle, library)
        return found

    def _instantiated(
        self, launches: Sequence[tuple[Any, NodeLaunch]], before: list[list[int]], table: int
    ) -> Any:
        """The driver's graph of launches, each after those that it waits for."""
        made, nodes = self.driver("cuGraphCreate", 0), list[Any]()
        for (function, launch), firsts in zip(launches, before, strict=True):
            parameters = [
                table if k in launch.table else n for k, n in enumerate(launch.parameters)
            ]
            waits = [nodes[first] for first in firsts]
            own = self._node(function, launch, parameters)
            nodes.append(
                self.driver("cuGraphAddKernelNode", made, waits or None, len(waits), own[0])
            )
            if launch.together:
                self._set_together(nodes[-1])
        handle = self.driver("cuGraphInstantiate", made, 0)
        self.driver("cuGraphDestroy", made)
        return handle

    def _set_together(self, node: Any) -> None:
        """Let a node's blocks all run at once, or none of them."""
        module = self.driver.module
        value = module.CUlaunchAttributeValue()
        value.cooperative = 1
        which = module.CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_COOPERATIVE
        self.driver("cuGraphKernelNodeSetAttribute", node, which, value)

    def _function(self, library: Any, name: str) -> Any:
        kernel = self.driver("cuLibraryGetKernel", library, name.encode())
        return self.driver("cuKernelGetFunction", kernel)

    def _node(
        self, function: Any, launch: NodeLaunch, parameters: Sequence[int]
    ) -> tuple[Any, ...]:
        """What a node of a graph is, and the arrays that it points to until it is added."""
        values = np.array(parameters, np.int64)
        places = values.ctypes.data + 8 * np.arange(len(values), dtype=np.uint64)
        node = self.driver.module.CUDA_KERNEL_NODE_PARAMS()
        node.func, node.sharedMemBytes = function, 0
        node.gridDimX, node.gridDimY, node.gridDimZ = launch.blocks, 1, 1
        node.blockDimX, node.blockDimY, node.blockDimZ = launch.key.threads, 1, 1
        node.kernelParams = int(places.ctypes.data)
        return node, values, places

    def linked(self, texts: Sequence[bytes]) -> bytes:
        """The driver makes machine code of PTX, all of it one program."""
        kind = self.driver.module.CUjitInputType.CU_JIT_INPUT_PTX
        state = self.driver("cuLinkCreate", 0, [], [])
        for number, text in enumerate(texts):
            text += b"\0"
            name = f"kernel{number}".encode()
            self.driver("cuLinkAddData", state, kind, text, len(text), name, 0, [], [])
        place, size = self.driver("cuLinkComplete", state)
        code = ctypes.string_at(int(place), int(size))
        self.driver("cuLinkDestroy", state)
        return code

    def launch(self, built: DriverGraph) -> None:
        """One call for a whole step."""
        self.enter()
        self.driver("cuGraphLaunch", built.handle, self.stream)
        self.traffic.launches += 1


def _freed(driver: Driver, address: int) -> None:
    """Give memory back; a device that is lost needs nothing back."""
    with suppress(CudaFault):
        driver("cuMemFree", address)


def _destroyed(driver: Driver, graph: Any, library: Any) -> None:
    with suppress(CudaFault):
        driver("cuGraphExecDestroy", graph)
        driver("cuLibraryUnload", library)
