"""What an entry reads and gives: arrays with a row for each example or element, and results.

An array has a leading axis over rows.  A result (a loss, a gradient) is the same for every example
of a batch.  Outputs of both kinds are known by the keys that they have in the graph.
"""

from __future__ import annotations

from typing import NamedTuple

from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.records.fast_dataclass import dataclass


class ClockName(NamedTuple):
    """The name of an array of whole numbers about a time: `owner`, `length` and the others."""

    kind: str
    time: Time

    def __str__(self) -> str:
        return f"{self.kind}/{self.time}"


ArrayName = OutputKey | ClockName


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A buffer whose first axis goes over rows; the runtime fills those of the role `clock`."""

    name: ArrayName  # of inputs and carried arrays a string
    role: str  # "input", "output", "carried" or "clock"
    type: TensorType  # of one row; its row-major size is the stride
    slot: int | None = None  # carried arrays with the same number share memory
    within: int = 0  # words of an example from the slot's first


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A uniform output (a loss, a gradient): words [offset, offset + size) of UNIFORM."""

    name: OutputKey
    type: TensorType
    offset: int
    strides: tuple[int, ...] | None = None  # in words, where they are not row-major

    @property
    def words(self) -> int:
        """How many words it spans, gaps included."""
        if self.strides is None or self.type.size == 0:
            return self.type.size
        steps = zip(self.type.shape, self.strides, strict=True)
        return 1 + sum((size - 1) * stride for size, stride in steps)
