"""How far apart two sets of tensors are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gradc_compiler.graph.outputs import OutputKey


class EntryOutput(NamedTuple):
    """What an entry gives: a loss, a gradient, an output of a model."""

    entry: str
    key: OutputKey

    def __str__(self) -> str:
        return f"{self.entry}: {self.key}"


class AfterUpdate(NamedTuple):
    """What persists, by its name, after each step has made one update."""

    name: str

    def __str__(self) -> str:
        return f"{self.name} after"


ResultKey = EntryOutput | AfterUpdate
Results = Mapping[ResultKey, np.ndarray]
Tensors = Mapping[str, np.ndarray]  # what persists, by name
SMALL = 1e-3  # a tensor this much smaller than the largest is measured by the largest


def difference(
    found: Results, wanted: Results, room: Results | None = None, *, exactly: bool
) -> tuple[float, str]:
    """The greatest relative difference and the tensor it is in; or how many numbers differ.

    Of a tensor that has room, only what goes beyond that counts.
    """
    if exactly:
        counts = {name: float(np.sum(bits(found[name]) != bits(wanted[name]))) for name in wanted}
        worst = max(counts, key=lambda name: counts[name])
        return counts[worst], str(worst)
    floor = SMALL * max((size(array) for array in wanted.values()), default=0.0)
    rooms = {name: np.zeros(()) for name in wanted} | dict(room or {})
    errors = {name: apart(found[name], wanted[name], floor, rooms[name]) for name in wanted}
    worst = max(errors, key=lambda name: errors[name])
    return errors[worst], str(worst)


def bits(array: np.ndarray) -> np.ndarray:
    """The bits of an array's numbers, in which NaN equals itself."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def size(array: np.ndarray) -> float:
    """The greatest magnitude of a real tensor; counters and labels do not count."""
    return float(np.max(np.abs(array), initial=0.0)) if array.dtype.kind == "f" else 0.0


def apart(found: np.ndarray, wanted: np.ndarray, floor: float, room: np.ndarray) -> float:
    """The greatest difference beyond the room there is, relative; NaN must meet NaN."""
    a, b = (array.astype(np.float64, copy=False) for array in (found, wanted))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    with np.errstate(invalid="ignore"):
        greatest = float(np.max(np.maximum(np.abs(a - b) - room, 0.0)[~same]))
    return greatest / max(size(b), floor, np.finfo(np.float64).tiny)
