"""Types of the values in a graph: a shape of ONE example and a kind of number.

Real values are float32 or float64, decided when a program is run, not when it is compiled; indices
(class labels, token numbers) are integers of the same width, so that both count in words.

A sequence has the type of ONE of its elements and a *time*: the name of its length, which differs
from example to example, or a whole number, where it is the same for all.  As the batch is no axis
of a value, neither is time: an operator on a sequence is meant for each element.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from math import prod

from gradc_compiler.records.fast_dataclass import dataclass

Time = str | int  # what a length is called, or how much it is


class Kind(Enum):
    """What the numbers of a tensor are."""

    REAL = "real"
    INDEX = "index"

    __hash__ = object.__hash__  # of a member as itself: kinds are hashed by the million


@dataclass(frozen=True, slots=True)
class TensorType:
    """Sizes of one example's tensor (`()`: a scalar), its kind, a label's number of classes; of a
    sequence, those of one element.
    """

    shape: tuple[int, ...] = ()
    kind: Kind = Kind.REAL
    classes: int | None = None
    time: Time | None = None

    @property
    def rank(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements."""
        return prod(self.shape)

    def over(self, time: Time | None) -> TensorType:
        """A sequence of these, or (None) one of them."""
        return replace(self, time=time)

    def __str__(self) -> str:
        if self.time is not None:
            count = f"({self.time})" if isinstance(self.time, int) else ""
            return f"seq{count} {self.over(None)}"
        sizes = f"[{', '.join(map(str, self.shape))}]" if self.shape else "scalar"
        if self.kind is Kind.REAL:
            return sizes
        label = f"class({self.classes})" if self.classes is not None else "index"
        return label if not self.shape else f"{label}{sizes}"


@dataclass(frozen=True, slots=True)
class Limit:
    """Sequences of a time may have `rows` elements at most, as `text` at `place` has no more."""

    time: str
    rows: int
    text: str
    place: str


SCALAR = TensorType()
