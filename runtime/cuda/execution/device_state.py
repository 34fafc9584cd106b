"""What persists, on the device; the session's array on the host is a mirror of it.

Training moves the copy on the device, and nothing is copied back while nobody looks.  Who reads the
mirror, as a checkpoint does, asks for it first (`StateMemory.words`), and may write to it: so the
next call copies it to the device.  While somebody else holds a view of the mirror, which cannot be
seen being read or written, each call copies both ways.

A few words are looked at by the host between calls: counts of updates, and tables of schedules.
They are copied back after each call that moves them, and to the device where they have changed.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.devices.device import Device
from gradc_runtime.cuda.execution.resident_data import ResidentData
from gradc_runtime.cuda.kernels import FINITE
from gradc_runtime.cuda.launch.kernel_call import CudaCall
from gradc_runtime.cuda.launch.merge_calls import merged

Stretch = tuple[int, int]  # words of the mirror


class HostWords(Protocol):
    """The mirror, as a session has it."""

    @property
    def mirror(self) -> NDArray[Any]:
        """All words."""

    def stretches(self) -> tuple[list[Stretch], list[Stretch]]:
        """The words that the host looks at between calls, and the real numbers of all others."""

    def is_held(self) -> bool:
        """Whether anybody else has a view of the words."""


@dataclass(frozen=True, eq=False)
class Alone:
    """Words that are not a session's: anybody may hold them."""

    mirror: NDArray[Any]

    def stretches(self) -> tuple[list[Stretch], list[Stretch]]:
        """Nothing is known of them."""
        return [], []

    def is_held(self) -> bool:
        """They are copied both ways."""
        return True


class DeviceState:
    """The words of a session on the device, for all of its entries and batch sizes."""

    def __init__(self, device: Device, host: HostWords) -> None:
        self.device, self.host = device, host
        self.memory = device.memory(self.mirror.nbytes)
        self.looked_at, self.reals = self.host.stretches()
        self.on_host = self.on_device = False  # where the newest words are
        self.known: list[NDArray[Any]] = []
        self.kept: list[NDArray[Any]] = []  # the same words, when all others were up to date
        self.data = ResidentData(device)
        self._check: Any = None
        self.touch()

    @property
    def mirror(self) -> NDArray[Any]:
        """The words on the host; not kept here, as who keeps them is taken to write to them."""
        return self.host.mirror

    @property
    def first(self) -> int:
        """The first word on the device."""
        return self.memory.address // self.mirror.itemsize

    def touch(self) -> None:
        """The host may have written to the mirror."""
        self.on_host, self.on_device = True, False

    def before_call(self) -> None:
        """Bring the device up to date."""
        if not self.on_device or self.host.is_held():
            if self.on_host:
                self.device.upload(self.memory.address, self.mirror)
                self.on_device = True
        else:
            self._bring_changes()
        self._know()

    def _bring_changes(self) -> None:
        """Of the words that the host looks at, bring those that it has changed."""
        for (a, b), known in zip(self.looked_at, self.known, strict=True):
            if self.mirror[a:b].tobytes() != known.tobytes():
                self.device.upload(self._place(a), self.mirror[a:b])

    def after_call(self) -> None:
        """A call has moved the words on the device."""
        self.on_host = False
        if self.host.is_held():
            self.fetch()
            return
        for a, b in self.looked_at:
            self.device.download(self._place(a), self.mirror[a:b])
        self._know()

    def fetch(self) -> None:
        """Bring the mirror up to date."""
        if not self.on_host:
            self._bring_changes()
            self.device.download(self.memory.address, self.mirror)
            self.on_host = True
            self._know()

    def give_back(self) -> None:
        """Somebody on the host reads the mirror, and may write to it."""
        self.fetch()
        self.touch()

    def lost(self) -> None:
        """The device has failed: the mirror is again what it was when it was last up to date."""
        if not self.on_host:
            for (a, b), kept in zip(self.looked_at, self.kept, strict=True):
                self.mirror[a:b] = kept
        self.touch()

    def finite(self) -> bool:
        """Whether every real number is finite, found where the newest words are."""
        word = self.mirror.itemsize
        if self._check is None:
            flag = self.device.memory(word)
            calls = [self._looks(a, b, flag.address // word) for a, b in self.reals]
            self._check = flag, self.device.build(merged(calls), word)
        flag, built = self._check
        self.device.zero(flag.address, word)
        self.device.launch(built)
        found = np.empty(1, self.mirror.dtype)
        self.device.download(flag.address, found)
        return not found[0]

    def _looks(self, a: int, b: int, flag: int) -> CudaCall:
        words = (self.first + a, self.first + b)
        return CudaCall(
            source=FINITE, numbers=(words[0], flag), pieces=b - a, reads=(words,),
            note="numbers that are not finite",
        )  # fmt: skip

    def _place(self, word: int) -> int:
        return self.memory.address + word * self.mirror.itemsize

    def _know(self) -> None:
        self.known = [self.mirror[a:b].copy() for a, b in self.looked_at]
        if self.on_host:
            self.kept = self.known
