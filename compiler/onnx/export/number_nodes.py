"""Arithmetic that writes nodes of ONNX: for functions that a file brings with it.

A `NumberNode` is a tensor of float64; operations on it append nodes to a writer.  So a formula
of `compiler/ops/formula.py` becomes nodes as it becomes kernel text: by being called.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np

from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.records import ElementType, OnnxFunction
from gradc_compiler.ops.formula import Mathematics
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass
class FunctionWriter(GraphWriter):
    """Nodes of a function, in which a constant is a node: a function has no initializers."""

    kind: Any = field(default=np.float64)

    def constant(self, numbers: Any, dtype: Any = None) -> str:
        """A constant tensor, one for equal numbers."""
        array = np.asarray(numbers, dtype or self.kind)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.shared:
            self.shared[key] = self.add("Constant", value=array)
        return self.shared[key]

    def number(self, name: str) -> NumberNode:
        """A tensor of float32, as numbers of float64."""
        return NumberNode(self, self.cast(name, ElementType.DOUBLE))

    def function(self, name: str, inputs: tuple[str, ...], result: NumberNode) -> OnnxFunction:
        """The ONNX function whose output is `result`, rounded to float32."""
        outputs = (self.add("Cast", result.name, to=int(ElementType.FLOAT), name="y"),)
        return OnnxFunction(name=name, inputs=inputs, outputs=outputs, nodes=tuple(self.nodes))


def function_writer(name: str, *inputs: str) -> FunctionWriter:
    """A writer for a function with these inputs."""
    writer = FunctionWriter(scope=name)
    for given in inputs:
        writer.names.new(given)
    return writer


@dataclass(frozen=True, slots=True, eq=False)
class NumberNode:
    """A tensor of float64, or of truths, and the writer to which arithmetic on it is appended."""

    writer: FunctionWriter
    name: str

    def then(self, operator: str, *others: Any, **how: Any) -> NumberNode:
        """The result of an ONNX operator on this number and others."""
        names = (self.of(x).name for x in others)
        return NumberNode(self.writer, self.writer.add(operator, self.name, *names, **how))

    def of(self, x: Any) -> NumberNode:
        """A number, or a constant, as a tensor of the same writer."""
        return x if isinstance(x, NumberNode) else NumberNode(self.writer, self.writer.constant(x))

    def __add__(self, other: Any) -> NumberNode:
        return self.then("Add", other)

    def __radd__(self, other: Any) -> NumberNode:
        return self.of(other).then("Add", self)

    def __sub__(self, other: Any) -> NumberNode:
        return self.then("Sub", other)

    def __rsub__(self, other: Any) -> NumberNode:
        return self.of(other).then("Sub", self)

    def __mul__(self, other: Any) -> NumberNode:
        return self.then("Mul", other)

    def __rmul__(self, other: Any) -> NumberNode:
        return self.of(other).then("Mul", self)

    def __truediv__(self, other: Any) -> NumberNode:
        return self.then("Div", other)

    def __rtruediv__(self, other: Any) -> NumberNode:
        return self.of(other).then("Div", self)

    def __neg__(self) -> NumberNode:
        return self.then("Neg")

    def __lt__(self, other: Any) -> NumberNode:
        return self.then("Less", other)

    def __le__(self, other: Any) -> NumberNode:
        return self.then("LessOrEqual", other)

    def __gt__(self, other: Any) -> NumberNode:
        return self.then("Greater", other)

    def __ge__(self, other: Any) -> NumberNode:
        return self.then("GreaterOrEqual", other)

    def __eq__(self, other: object) -> NumberNode:  # type: ignore[override]
        return self.then("Equal", other)

    def __ne__(self, other: object) -> NumberNode:  # type: ignore[override]
        return self.then("Equal", other).then("Not")


def select(condition: NumberNode, a: Any, b: Any) -> NumberNode:
    """The number a where the condition holds, else b."""
    return condition.then("Where", a, b)


MATHEMATICS = Mathematics(
    exp=lambda x: x.then("Exp"),
    log=lambda x: x.then("Log"),
    sin=lambda x: x.then("Sin"),
    cos=lambda x: x.then("Cos"),
    floor=lambda x: x.then("Floor"),
    absolute=lambda x: x.then("Abs"),
    power=lambda x, y: x.then("Pow", y),
    select=select,
)
