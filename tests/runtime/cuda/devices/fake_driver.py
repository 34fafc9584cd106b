"""NVIDIA's driver as far as gradc calls it, on NumPy's memory: for tests of what is asked of it.

Copies on the second stream are late: they happen when somebody waits for them, no sooner.  Kernels
are the Python functions of the simulator, found by the names that machine code would have, and
called with what their parameters say; without the simulator nothing is run.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradc_runtime.cuda.device_form import ROW_THREADS
from gradc_runtime.cuda.devices.device import THREADS
from gradc_runtime.cuda.devices.heap import Heap


class Code(int):
    """A code of the driver, with its name."""

    name: str

    @staticmethod
    def of(name: str) -> Code:
        """A code that is not 0, unless it is success."""
        made = Code(name != "CUDA_SUCCESS")
        made.name = name
        return made


@dataclass
class Stream:
    """Copies that nobody has waited for yet."""

    late: list[Callable[[], Any]] = field(default_factory=list)

    def settle(self, count: int | None = None) -> None:
        """Make the first copies."""
        count = len(self.late) if count is None else count
        while count > 0 and self.late:
            self.late.pop(0)()
            count -= 1


class FakeDriver:
    """A module: each function gives a code first."""

    CUjitInputType = SimpleNamespace(CU_JIT_INPUT_PTX="ptx")
    CUdevice_attribute = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=0,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=1,
        CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH=2,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT=3,
    )
    CUlaunchAttributeID = SimpleNamespace(CU_LAUNCH_ATTRIBUTE_COOPERATIVE="at once")
    CUlaunchAttributeValue = SimpleNamespace
    CUDA_KERNEL_NODE_PARAMS = SimpleNamespace

    def __init__(self, size: int = 1 << 28, run: Callable[..., None] | None = None) -> None:
        self.bytes, self.heap = np.zeros(size, np.uint8), Heap(size)
        self.planted: dict[str, str] = {}  # functions that fail, with their codes
        self.calls: list[str] = []
        self.capability, self.version, self.count = (9, 0), 13000, 1
        self.cooperative, self.multiprocessors = 1, 132
        self.streams: list[Stream] = []
        self.events: dict[int, tuple[Stream, int]] = {}
        self.graphs: list[list[tuple[Any, list[int], list[int]]]] = []
        self.run, self.kept = run, list[Any]()

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        if not name.startswith("cu"):
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        self.calls.append(name)
        if name in self.planted:
            return (Code.of(self.planted[name]),)
        made = getattr(self, f"do_{name}", lambda *_: ())(*arguments)
        return (Code.of("CUDA_SUCCESS"), *made)

    def do_cuDriverGetVersion(self) -> tuple[int]:
        return (self.version,)

    def do_cuDeviceGetCount(self) -> tuple[int]:
        return (self.count,)

    def do_cuDeviceGet(self, number: int) -> tuple[int]:
        return (number,)

    def do_cuDeviceGetName(self, length: int, gpu: int) -> tuple[bytes]:
        return (b"NVIDIA Fake\0\0",)

    def do_cuDeviceGetAttribute(self, attribute: int, gpu: int) -> tuple[int]:
        return ((*self.capability, self.cooperative, self.multiprocessors)[attribute],)

    def do_cuDevicePrimaryCtxRetain(self, gpu: int) -> tuple[str]:
        return ("context",)

    def do_cuStreamCreate(self, flags: int) -> tuple[Stream]:
        self.streams.append(Stream())
        return (self.streams[-1],)

    def do_cuStreamSynchronize(self, stream: Stream) -> tuple[()]:
        stream.settle()
        return ()

    def do_cuEventCreate(self, flags: int) -> tuple[int]:
        return (len(self.calls),)

    def do_cuEventRecord(self, event: int, stream: Stream) -> tuple[()]:
        self.events[event] = stream, len(stream.late)
        return ()

    def do_cuStreamWaitEvent(self, stream: Stream, event: int, flags: int) -> tuple[()]:
        return self.do_cuEventSynchronize(event)

    def do_cuEventSynchronize(self, event: int) -> tuple[()]:
        if event in self.events:
            of, count = self.events[event]
            of.settle(count)
        return ()

    def do_cuMemAlloc(self, size: int) -> tuple[Any, ...]:
        address = self.heap.take(size)
        assert address is not None, "the fake has enough"
        self.bytes[address : address + size] = 0xFF
        return (address,)

    def do_cuMemFree(self, address: int) -> tuple[()]:
        self.heap.give(address)
        return ()

    def do_cuMemGetInfo(self) -> tuple[list[int]]:
        return ([self.heap.left, self.heap.size],)

    def do_cuMemHostAlloc(self, size: int, flags: int) -> tuple[int]:
        self.kept.append((ctypes.c_uint8 * size)())
        return (ctypes.addressof(self.kept[-1]),)

    def do_cuMemcpyHtoDAsync(
        self, target: int, source: int, size: int, stream: Stream
    ) -> tuple[()]:
        copy = partial(self._from_host, target, source, size)
        if stream is self.streams[0]:
            copy()
        else:
            stream.late.append(copy)
        return ()

    def _from_host(self, target: int, source: int, size: int) -> None:
        self.bytes[target : target + size] = np.frombuffer(ctypes.string_at(source, size), np.uint8)

    def do_cuMemcpyDtoHAsync(
        self, target: int, source: int, size: int, stream: Stream
    ) -> tuple[()]:
        ctypes.memmove(target, self.bytes[source : source + size].tobytes(), size)
        return ()

    def do_cuMemcpyDtoDAsync(self, target: int, source: int, size: int, _: Any) -> tuple[()]:
        self.bytes[target : target + size] = self.bytes[source : source + size].copy()
        return ()

    def do_cuMemsetD8Async(self, address: int, value: int, size: int, _: Any) -> tuple[()]:
        self.bytes[address : address + size] = value
        return ()

    def do_cuLinkCreate(self, *_: Any) -> tuple[list[bytes]]:
        return ([],)

    def do_cuLinkAddData(self, state: list[bytes], kind: str, text: bytes, *_: Any) -> tuple[()]:
        state.append(text)
        return ()

    def do_cuLinkComplete(self, state: list[bytes]) -> tuple[list[int]]:
        code = json.dumps([len(text) for text in state]).encode()
        self.kept.append(ctypes.create_string_buffer(code))
        return ([ctypes.addressof(self.kept[-1]), len(code)],)

    def do_cuLibraryLoadData(self, code: bytes, *_: Any) -> tuple[bytes]:
        return (code,)

    def do_cuLibraryGetKernel(self, library: bytes, name: bytes) -> tuple[str]:
        return (name.decode(),)

    def do_cuKernelGetFunction(self, kernel: str) -> tuple[str]:
        return (kernel,)

    def do_cuGraphCreate(self, flags: int) -> tuple[list[Any]]:
        return ([],)

    def do_cuGraphAddKernelNode(
        self, graph: list[Any], waits: Sequence[int] | None, count: int, node: Any
    ) -> tuple[int]:
        """As the driver does, it copies the parameters when a node is added."""
        assert len(waits or ()) == count
        assert node.blockDimX in (THREADS, ROW_THREADS) and node.gridDimX >= 1
        graph.append((node.func, list(waits or ()), parameters_at(node.kernelParams)))
        return (len(graph) - 1,)

    def do_cuGraphInstantiate(self, graph: list[Any], flags: int) -> tuple[int]:
        self.graphs.append(graph)
        return (len(self.graphs) - 1,)

    def do_cuGraphLaunch(self, handle: int, stream: Stream) -> tuple[()]:
        for name, _, parameters in self.graphs[handle]:
            if self.run is not None:
                self.run(self, name, parameters)
        return ()


def parameters_at(place: int) -> list[int]:
    """Numbers of 8 bytes, from an array of their addresses: each lies behind the one before."""
    first = ctypes.c_uint64.from_address(place).value
    count = 1
    while ctypes.c_uint64.from_address(place + 8 * count).value == first + 8 * count:
        count += 1
    return list((ctypes.c_int64 * count).from_address(first))
