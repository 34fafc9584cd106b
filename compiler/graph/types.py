"""Types of the values in a graph: a shape of ONE example and a kind of number.

Real values are float32 or float64, decided when a program is run, not when it is compiled; indices
(class labels, token numbers) are integers of the same width, so that both count in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod


class Kind(Enum):
    """What the numbers of a tensor are."""

    REAL = "real"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class TensorType:
    """Sizes of one example's tensor (`()`: a scalar), its kind, a label's number of classes."""

    shape: tuple[int, ...] = ()
    kind: Kind = Kind.REAL
    classes: int | None = None

    @property
    def rank(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements."""
        return prod(self.shape)

    def __str__(self) -> str:
        sizes = f"[{', '.join(map(str, self.shape))}]" if self.shape else "scalar"
        if self.kind is Kind.REAL:
            return sizes
        label = f"class({self.classes})" if self.classes is not None else "index"
        return label if not self.shape else f"{label}{sizes}"


SCALAR = TensorType()
