"""What an operator is: its whole story in one class.

A primitive gives its type rule (`infer`), its derivative in both directions (`vjp`, `jvp`), and a
reference evaluation in NumPy.  Elementwise operators are rows of a table (`ops/elementwise.py`);
the others are one small class each.  Attributes are dataclass fields, so an operator can be
compared, hashed, printed and parsed without code of its own.

Reference arrays have a leading axis over examples, of length 1 where the value is uniform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.records.fast_dataclass import dataclass

Array = np.ndarray
V = TypeVar("V")  # what a rule computes with: values of a graph, or anything that has arithmetic


class TypeFault(Exception):
    """An operator was given types that do not fit; `elaborate` turns it into a diagnostic."""


class TimesDiffer(TypeFault):
    """Sequences that may differ in length meet in one operator."""

    def __init__(self, message: str, times: Sequence[Time]) -> None:
        self.times = tuple(times)
        super().__init__(message)


class NoDerivative(Exception):
    """A rule is missing; differentiation turns it into a diagnostic at the author's line."""


def require(condition: bool, message: str) -> None:
    """Raise `TypeFault(message)` unless the condition holds."""
    if not condition:
        raise TypeFault(message)


@dataclass(frozen=True)
class SampleDomain:
    """Where to sample an operand for tests: an interval, kept `away` from kinks."""

    low: float = -2.0
    high: float = 2.0
    away: tuple[float, ...] = ()


@dataclass(frozen=True)
class Op:
    """Base of all operators."""

    name: ClassVar[str] = ""
    sends: ClassVar[str] = ""  # the derivative in words, where a formula of `vjp` would not do
    makes_varying: ClassVar[bool] = False
    makes_uniform: ClassVar[bool] = False
    kink: ClassVar[str | None] = None  # convention where it is not differentiable
    smooth: ClassVar[bool] = True
    sequential: ClassVar[bool] = False  # knows about time; any other is meant for each element
    adds: ClassVar[bool] = False  # its numbers are operands' numbers, or sums of some of them
    row_major: ClassVar[bool] = False  # its kernels read operands that lie without gaps

    @property
    def carried_by(self) -> int | None:
        """The loop whose carried value this is, for the one operator that looks a step back."""
        return None

    def lifted(self, *types: TensorType) -> TensorType:
        """Type of the result where operands may be sequences: the rule of one element, over their
        common time.  Raises `TypeFault`.

        Raises `TimesDiffer` where operands are sequences over several times.
        """
        times = {t.time for t in types} - {None}
        if self.sequential or not times:
            return self.infer(*types)
        if len(times) > 1:
            names = " and ".join(sorted(str(t) for t in types if t.time is not None))
            ordered = dict.fromkeys(t.time for t in types if t.time is not None)
            raise TimesDiffer(f"these may differ in length: {names}", list(ordered))
        result = self.infer(*(t.over(None) for t in types))
        return result if self.makes_uniform else result.over(times.pop())

    def infer(self, *types: TensorType) -> TensorType:
        """Type of the result for one example; raises `TypeFault`."""
        raise NotImplementedError(self.name)

    def vjp(self, g: V, y: V, *xs: V) -> Sequence[V | None]:
        """Cotangent of each operand; `None` means that no derivative flows there, by definition.

        Raises `NoDerivative` for an operator without a rule.
        """
        raise NoDerivative(self.name)

    def jvp(self, dxs: Sequence[Any], y: Any, *xs: Any) -> Sequence[Any]:
        """What the tangent of y is the sum of, given those of the operands: a term for each operand
        (`None`: none flows), or one for all.  `None` in `dxs` is a tangent that is 0.

        An operator that `adds` is linear, so its tangent is itself, of the tangents.
        Raises `NoDerivative` for an operator without a rule.
        """
        if not self.adds:
            raise NoDerivative(self.name)
        pairs = zip(xs, dxs, strict=True)
        return [y.builder.add(self, *(_tangent_or_zeros(x, dx) for x, dx in pairs))]

    def reference(self, *arrays: Array) -> Array:
        """The result in NumPy, with a leading example axis."""
        raise NotImplementedError(self.name)

    def terms(self, *types: TensorType) -> int:
        """How many terms it may add up one after another, where it can keep what rounding loses of
        them as a `pair`; 0 where it cannot.
        """
        return 0

    def paired(self) -> Op:
        """The same as such a `pair`: the sum of the [2, ...] that it gives is the result."""
        return self

    def mapped(self) -> Op | None:
        """The operator for operands with one more axis in front, along which it is meant for each
        element; None where `each` has no such operator.
        """
        return None

    def spelled(self, names: Sequence[str]) -> str:
        """The call that the language writes for it, operands given by name."""
        return f"{self.name}({', '.join(names)})"

    def attributes(self) -> dict[str, Any]:
        """The fields that differ from nothing, for the text form."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _tangent_or_zeros(x: Any, dx: Any) -> Any:
    """What a linear operator reads in place of x: a label stays what it is."""
    if x.type.kind is Kind.INDEX:
        return x
    return x.builder.constant(0.0, x.shape) if dx is None else dx


def real(shape: tuple[int, ...]) -> TensorType:
    """A real tensor type."""
    return TensorType(shape, Kind.REAL)


def aligned(arrays: Sequence[Array]) -> list[Array]:
    """Give all arrays one rank by axes of length 1 after the example axis."""
    rank = max(a.ndim for a in arrays)
    return [a.reshape(a.shape[:1] + (1,) * (rank - a.ndim) + a.shape[1:]) for a in arrays]


def broadcast_shapes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """NumPy's rule, counted from the last axis; raises `TypeFault` naming the sizes."""
    if shapes and all(shape == shapes[0] for shape in shapes):
        return shapes[0]  # as nearly always
    rank = max(map(len, shapes), default=0)
    result = []
    for position in range(1, rank + 1):
        sizes = {s[-position] for s in shapes if len(s) >= position}
        wide = sizes - {1}
        require(len(wide) <= 1, f"sizes {' and '.join(map(str, sorted(wide)))} do not match")
        result.append(wide.pop() if wide else 1)
    return tuple(reversed(result))


Rule = Callable[..., Sequence[Any]]
