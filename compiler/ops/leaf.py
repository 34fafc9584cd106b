"""Leaves of a graph: inputs, numbers that persist between steps, and constants."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gradc_compiler.graph.op import Array, Op, real
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.records.fast_dataclass import dataclass


@register
@dataclass(frozen=True)
class Input(Op):
    """One example's value of a data field or of an argument."""

    key: str
    shape: tuple[int, ...] = ()
    classes: int | None = None  # a label's number of classes; None for a real tensor
    time: Time | None = None  # of a sequence
    name: ClassVar[str] = "input"
    makes_varying: ClassVar[bool] = True

    def infer(self) -> TensorType:
        kind = Kind.REAL if self.classes is None else Kind.INDEX
        return TensorType(self.shape, kind, self.classes, self.time)


@register
@dataclass(frozen=True)
class PersistentOp(Op):
    """A parameter, optimiser or layer state, or counter, as it is before the step."""

    key: str
    shape: tuple[int, ...] = ()
    index: bool = False
    name: ClassVar[str] = "persistent"

    def infer(self) -> TensorType:
        return TensorType(self.shape, Kind.INDEX if self.index else Kind.REAL)


@register
@dataclass(frozen=True)
class Constant(Op):
    """A tensor filled with one number."""

    value: float
    shape: tuple[int, ...] = ()
    name: ClassVar[str] = "constant"

    def infer(self) -> TensorType:
        return real(self.shape)

    def reference(self) -> Array:
        return np.full((1, *self.shape), self.value)


@register
@dataclass(frozen=True)
class Literal(Op):
    """A tensor with its numbers written out, row-major."""

    values: tuple[float, ...]
    shape: tuple[int, ...]
    name: ClassVar[str] = "literal"

    def infer(self) -> TensorType:
        return real(self.shape)

    def reference(self) -> Array:
        return np.array(self.values).reshape(1, *self.shape)


@register
@dataclass(frozen=True)
class Iota(Op):
    """0, 1, ..., size - 1."""

    size: int
    name: ClassVar[str] = "iota"

    def infer(self) -> TensorType:
        return real((self.size,))

    def reference(self) -> Array:
        return np.arange(float(self.size))[None]
