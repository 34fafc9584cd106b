"""Sizes in a graph's own arithmetic on shapes: whole numbers times the batch, times the time.

What `Shape` gives goes through `Gather`, `Mul` and `Concat` into `Reshape`; there a size such as
`N * 12` says where the batch goes.  Nothing else can be made of one, and so nothing else is.
"""

from __future__ import annotations

from typing import Any

from gradc_runtime.onnx.importer.atoms import Free
from gradc_runtime.system.errors import DataError


class FreeSize:
    """`factor` times the size of the batch, or of the time, or both."""

    __slots__ = ("factor", "free")

    def __init__(self, factor: int, free: tuple[Free, ...]) -> None:
        self.factor, self.free = factor, free

    def __mul__(self, other: Any) -> FreeSize:
        if isinstance(other, FreeSize):
            return FreeSize(self.factor * other.factor, self.free + other.free)
        return FreeSize(self.factor * int(other), self.free)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        if isinstance(other, FreeSize) and self.free == other.free:
            return self.factor // other.factor
        if isinstance(other, FreeSize) or self.factor % int(other):
            return self._refuse("divided")
        return FreeSize(self.factor // int(other), self.free)

    __truediv__ = __floordiv__

    def __eq__(self, other: object) -> bool:
        """Never equal to a number: graphs compare sizes with 1 and -1, to see what broadcasts."""
        same = isinstance(other, FreeSize) and self.factor == other.factor
        return same and isinstance(other, FreeSize) and self.free == other.free

    def __hash__(self) -> int:
        return hash((self.factor, self.free))

    def _refuse(self, what: str) -> Any:
        raise DataError(f"{self} cannot be {what}: a spec does not know it")

    def __add__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else self._refuse("added to")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else self._refuse("subtracted from")

    def __int__(self) -> int:
        number: int = self._refuse("a number here")
        return number

    __index__ = __int__

    def __repr__(self) -> str:
        words = " and ".join(f.value for f in self.free)
        return f"the size of {words}" + (f" times {self.factor}" if self.factor != 1 else "")
