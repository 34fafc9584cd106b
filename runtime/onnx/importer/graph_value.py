"""A value of an ONNX graph: numbers known while importing, or an expression of the language.

`shape` speaks ONNX (`axes`), `expr` lies in `slots` (`atoms.py`).  A value whose numbers are known
has no expression until an operator wants it in certain slots.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.atoms import Axes, Free, axes_of, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize


@dataclass(frozen=True, slots=True)
class Scaled:
    """The expression `of` is `plain`, which lies in the same slots, times a number."""

    of: Expr
    plain: Expr
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The expression `of` is q @ k times a number: what attention is made of (`attention.py`)."""

    of: Expr
    q: GraphValue  # [..., positions, width]
    k: GraphValue  # [..., width, positions that are seen]
    factor: float
    causal: bool = False  # -inf at positions that come later
    soft: bool = False  # softmax of that


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphValue:
    """One value; exactly one of `array` and `expr` is there."""

    name: str
    axes: Axes
    kind: np.dtype[Any]
    slots: Axes = ()
    expr: Expr | None = None
    array: np.ndarray | None = None  # of objects where it holds a `FreeSize`
    trained: bool = False  # it comes from an initializer: a parameter
    shared: bool = False  # an initializer that several nodes read
    classes: int = 0  # it is a label in the language, one of so many
    roots: frozenset[str] = frozenset()  # inputs of the graph that it is computed from
    meaning: Scaled | Scores | None = None  # of `expr`, if its `of` is that

    @property
    def rank(self) -> int:
        """The number of axes that ONNX counts."""
        return len(self.axes)

    def own_array(self, rank: int | None = None) -> np.ndarray | None:
        """The numbers of a parameter that no other node reads, if it has so many axes; else None.

        A layer of the prelude can own such a parameter.
        """
        fits = self.trained and not self.shared and rank in (None, self.rank)
        return self.array if fits else None

    @property
    def is_real(self) -> bool:
        """Whether its numbers are of a floating-point kind."""
        return self.kind.kind == "f"

    def sizes(self) -> list[int | FreeSize]:
        """Its shape as `Shape` gives it."""
        return [known_size(axis) for axis in self.axes]


def known_size(axis: tuple[Any, ...]) -> int | FreeSize:
    """The size of an axis, with its free factors."""
    free = tuple(a.free for a in axis if a.free)
    return FreeSize(size_of(axis), free) if free else size_of(axis)


def of_array(name: str, array: np.ndarray, kind: Any = None, **more: Any) -> GraphValue:
    """A value whose numbers are known."""
    return GraphValue(
        name=name, axes=axes_of(array.shape), array=array,
        kind=np.dtype(kind if kind is not None else array.dtype), **more,
    )  # fmt: skip


def mixes(axis: tuple[Any, ...]) -> str:
    """What an operator along this axis would mix: `examples`, or `elements of a sequence`."""
    free = {atom.free for atom in axis}
    return "examples" if Free.BATCH in free else "elements of a sequence"


__all__ = ["GraphValue", "is_free", "known_size", "mixes", "of_array"]
