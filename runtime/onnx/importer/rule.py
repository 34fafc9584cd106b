"""How an ONNX operator is written in the language: a function, registered under its name.

    @rule("LeakyRelu", "leaky_relu(slope)")
    def leaky_relu(n: RuleContext) -> GraphValue: ...

The second text is the operator's row in the table of supported operators (`operator_table.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.align import align
from gradc_runtime.onnx.importer.arrange import opened_slots, rearrange
from gradc_runtime.onnx.importer.atoms import Atom, Axes, Axis, Free, axes_of, is_free, slots_of
from gradc_runtime.onnx.importer.constants import Stored
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue, mixes
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize
from gradc_runtime.system.errors import DataError

Results = GraphValue | Sequence[GraphValue | None]
Lower = Callable[["RuleContext"], Results]


class ComputedHere(DataError):
    """An operator wants to know numbers that are computed from inputs of the graph."""

    def __init__(self, message: str, roots: frozenset[str]) -> None:
        super().__init__(message)
        self.roots = roots


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One operator: its row in the table, and the function that translates its nodes."""

    operator: str
    written: str
    lower: Lower


RULES: dict[str, Rule] = {}


def rule(operators: str, written: str) -> Callable[[Lower], Lower]:
    """Decorator: the rule of one operator, or of several that differ by name."""

    def register(lower: Lower) -> Lower:
        for operator in operators.split():
            assert operator not in RULES, operator
            RULES[operator] = Rule(operator=operator, written=written, lower=lower)
        return lower

    return register


class RuleContext:
    """One node: its operands and attributes, and what a rule writes with."""

    def __init__(
        self, op: str, inputs: Sequence[GraphValue | None], attributes: Mapping[str, Any],
        opset: int, stored: Stored, outputs: Sequence[str],
        free: Mapping[Free, Atom] | None = None,
    ) -> None:  # fmt: skip
        self.op, self.inputs, self.attributes, self.opset = op, inputs, attributes, opset
        self.stored, self.outputs, self.free = stored, outputs, free or {}

    def free_axis(self, size: FreeSize) -> Axis:
        """The axis whose size is not known.

        Raises `DataError` for a multiple of the batch that no value has.
        """
        if size.factor != 1:
            raise DataError(f"nothing has {size}")
        return tuple(self.free[f] for f in size.free)

    def attr(self, name: str, default: Any = None) -> Any:
        """The value of an attribute, or its default where the node lacks it."""
        return self.attributes.get(name, default)

    def has(self, k: int) -> bool:
        """Whether operand k is there: operands at the end, and empty names, are left out."""
        return k < len(self.inputs) and self.inputs[k] is not None

    def value(self, k: int = 0) -> GraphValue:
        """Operand k.

        Raises `DataError` where the node lacks it.
        """
        found = self.inputs[k] if k < len(self.inputs) else None
        if found is None:
            raise DataError(f"it lacks operand {k + 1}")
        return found

    def values(self) -> list[GraphValue]:
        """All operands, none of which may be left out."""
        return [self.value(k) for k in range(len(self.inputs))]

    def array(self, k: int) -> np.ndarray:
        """Operand k as numbers that are known.

        Raises `ComputedHere` where they are not.
        """
        found = self.value(k)
        if found.array is None:
            raise ComputedHere(f"operand {k + 1} ({found.name}) must be known", found.roots)
        return found.array

    def integers(self, k: int, name: str = "", default: Any = None) -> Any:
        """Whole numbers of operand k, or of the attribute that older versions have instead."""
        if self.has(k):
            return [x if not isinstance(x, int | np.integer) else int(x)
                    for x in self.array(k).reshape(-1)]  # fmt: skip
        found = self.attr(name, default) if name else default
        return [found] if isinstance(found, int) else found

    def axis(self, value: GraphValue, axis: int) -> int:
        """An axis counted from the front.

        Raises `DataError` where there is none.
        """
        if not -value.rank <= axis < max(value.rank, 1):
            raise DataError(f"axis {axis} of a tensor with {value.rank} axes")
        return axis % max(value.rank, 1)

    def require_own(self, value: GraphValue, *axes: int) -> None:
        """Refuse an operator along an axis of the batch or the time.

        Raises `DataError` where an axis is one of these.
        """
        for k in axes:
            if is_free(value.axes[k]):
                raise DataError(f"it mixes {mixes(value.axes[k])}: it works along axis {k}")

    def expr(self, value: GraphValue, slots: Axes) -> Expr:
        """A value as an expression in these slots."""
        if value.expr is None:
            return self.stored(value, slots)
        return rearrange(value.expr, value.slots, slots)

    def opened(self, value: GraphValue) -> tuple[Expr, Axes]:
        """A value with a slot for each axis, in an order that moves nothing if there is one."""
        slots = slots_of(value.axes) if value.expr is None else opened_slots(value)
        return self.expr(value, slots), slots

    def plain(self, value: GraphValue) -> Expr:
        """A value as an expression in ONNX's layout, without the batch."""
        return self.expr(value, slots_of(value.axes))

    def made(
        self, expr: Expr, axes: Axes, slots: Axes | None = None, kind: Any = None
    ) -> GraphValue:
        """A result of the node that lies in these slots."""
        expr.hint = expr.hint or self.outputs[0]
        return GraphValue(
            name=self.outputs[0], axes=axes, kind=self.kind(kind), expr=expr,
            slots=slots_of(axes) if slots is None else slots, roots=self.roots(),
        )  # fmt: skip

    def fresh(self, expr: Expr, shape: Sequence[int], kind: Any = None) -> GraphValue:
        """A result of this shape, in ONNX's layout."""
        return self.made(expr, axes_of(shape), None, kind)

    def kind(self, kind: Any = None) -> np.dtype[Any]:
        """The kind of a result: that of the first operand if nothing is said."""
        return np.dtype(kind) if kind is not None else self.value(0).kind

    def roots(self) -> frozenset[str]:
        """The inputs of the graph that a result is computed from."""
        return frozenset().union(*(v.roots for v in self.inputs if v is not None))

    def elementwise(
        self, function: Callable[..., Expr], *values: GraphValue, kind: Any = None
    ) -> GraphValue:
        """The result of a function of numbers at one place."""
        exprs, axes, slots = align(values, self.stored)
        return self.made(function(*exprs), axes, slots, kind)

    def same(self, value: GraphValue, **changes: Any) -> GraphValue:
        """A value under the name of the result."""
        return replace(value, name=value.name if value.trained else self.outputs[0], **changes)
