"""How a value of the graph, which is of one example, lies in an ONNX tensor, which is of many.

    uniform                  [*shape]              the same for all examples
    varying                  [batch, *shape]
    a sequence               [batch, time, *shape], what lies beyond a sequence's length is anything

The axes in front of the shape are its `lead`, by number.  Operands of an elementwise operator
broadcast by ONNX's rule once axes of one element stand between lead and shape.
"""

from __future__ import annotations

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.records import ElementType
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the file: `lead` axes, then those of the type's shape."""

    name: str
    lead: int
    type: TensorType

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of one example, or of one element of a sequence."""
        return self.type.shape

    @property
    def rank(self) -> int:
        """How many axes it has in the file."""
        return self.lead + len(self.shape)


def element_of(type: TensorType) -> ElementType:
    """The kind of numbers that a type has in a file."""
    return ElementType.FLOAT if type.kind is Kind.REAL else ElementType.INT64


def real(writer: GraphWriter, x: Tensor) -> str:
    """Its name, as real numbers."""
    if x.type.kind is Kind.REAL:
        return x.name
    return writer.cast(x.name, ElementType.FLOAT)


def aligned(writer: GraphWriter, name: str, x: Tensor, lead: int, rank: int) -> str:
    """`name`, which lies as x does, ready to broadcast to `lead` axes and a shape of `rank`."""
    missing = lead - x.lead + rank - len(x.shape)
    return writer.unsqueezed(name, range(x.lead, x.lead + missing)) if x.lead else name
