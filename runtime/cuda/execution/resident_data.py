"""Data sets that lie on the device, of which a call names the rows that it wants."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cuda.devices.device import Device, Memory
from gradc_runtime.cuda.launch.step_calls import DeviceRegion
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.chosen_rows import ChosenRows

SHARE = MACHINE.gpu_data_share  # of the memory that is left, a data set may take one part


class ResidentData:
    """Arrays of data sets on the device, for as long as the data sets live."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._kept: dict[tuple[int, int], Memory] = {}

    def fits(self, wanted: Mapping[str, ChosenRows]) -> bool:
        """Whether arrays are there, or may be brought."""
        missing = [c.array.nbytes for c in wanted.values() if _key(c) not in self._kept]
        return sum(missing) <= self.device.free_bytes() // SHARE

    def regions(self, wanted: Mapping[str, ChosenRows]) -> dict[str, DeviceRegion]:
        """Where arrays lie, by the name of the input; those that are missing are brought."""
        return {name: self._region(chosen) for name, chosen in wanted.items()}

    def _region(self, chosen: ChosenRows) -> DeviceRegion:
        key, word = _key(chosen), chosen.dtype.itemsize
        if key not in self._kept:
            memory = self._kept[key] = self.device.memory(chosen.array.nbytes)
            self.device.upload(memory.address, chosen.array)
            weakref.finalize(chosen.owner, self._kept.pop, key, None)
        return DeviceRegion(self._kept[key].address // word, chosen.array.size)


def _key(chosen: ChosenRows) -> tuple[int, int]:
    return id(chosen.owner), id(chosen.array)


def chosen_rows(inputs: Batches) -> tuple[dict[str, ChosenRows], Batches]:
    """The inputs of which rows are named, and the others."""
    found: Mapping[str, Any] = inputs
    chosen = {name: rows for name, rows in found.items() if isinstance(rows, ChosenRows)}
    return chosen, Batches({n: batch for n, batch in inputs.items() if n not in chosen})
