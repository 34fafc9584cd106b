"""How a value of the graph, for one example, lies in an ONNX tensor, which holds many examples.

    uniform                  [*shape]              the same for all examples
    varying                  [batch, *shape]
    a sequence               [batch, time, *shape], arbitrary numbers beyond its length

The axes in front of the shape are its `lead`, by number.  Operands of an elementwise operator
broadcast by ONNX's rule once axes of one element stand between lead and shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.sequence_times import Times
from gradc_compiler.onnx.records import ElementType, OnnxValue
from gradc_compiler.ops.leaf import PersistentOp
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
        """The number of axes of the tensor in the file."""
        return self.lead + len(self.shape)

    @property
    def time(self) -> Time:
        """The time of a sequence."""
        assert self.type.time is not None, f"{self.name} is no sequence"
        return self.type.time


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContext:
    """The state of writing one graph: its writer, the lengths of sequences, tensors so far."""

    writer: GraphWriter
    times: Times
    graph: Graph
    model: str
    users: Mapping[int, Sequence[int]]  # of each node, those that are wanted
    tensors: dict[int, Tensor] = field(default_factory=dict)  # what nodes have become so far
    weights: dict[str, OnnxValue] = field(default_factory=dict)
    layers: dict[Span, str] = field(default_factory=dict)  # whose parameters were read there last
    ends: dict[int, tuple[str, bool]] = field(default_factory=dict)  # of sequences that an operator
    # made with their ends: the last element, or (true) the first
    added: set[int] = field(default_factory=set)  # additions of a bias that a product did already

    def at(self, node: Node) -> None:
        """Let the ONNX nodes written next carry the layer and the line of this node."""
        self.writer.note = str(node.span or "")
        if node.span is not None and isinstance(node.op, PersistentOp):
            self.layers[node.span] = node.op.key.rpartition(".")[0]
        layer = self.layers.get(node.span) if node.span is not None else None
        self.writer.scope = layer or self.model


def element_of(type: TensorType) -> ElementType:
    """The kind of numbers that a type has in a file."""
    return ElementType.FLOAT if type.kind is Kind.REAL else ElementType.INT64


def real(writer: GraphWriter, x: Tensor) -> str:
    """The name of the tensor, cast to real numbers where it holds others."""
    if x.type.kind is Kind.REAL:
        return x.name
    return writer.cast(x.name, ElementType.FLOAT)


def zero_of(writer: GraphWriter, type: TensorType) -> str:
    """The constant 0 of a type's kind."""
    return writer.constant(0.0) if type.kind is Kind.REAL else writer.whole(0)


def aligned(writer: GraphWriter, name: str, x: Tensor, lead: int, rank: int) -> str:
    """`name`, which lies as x does, ready to broadcast to `lead` axes and a shape of `rank`."""
    missing = lead - x.lead + rank - len(x.shape)
    return writer.unsqueezed(name, range(x.lead, x.lead + missing)) if x.lead else name


def repeated(c: ExportContext, x: Tensor, time: Time | None = None) -> Tensor:
    """A value that is not a sequence, for every example, or for every element of a time."""
    lead = 1 if time is None else 2
    if x.lead == lead:
        return x
    w, rank = c.writer, len(x.shape)
    steps = [] if time is None else [c.times.steps(time)]
    ones = [w.whole([1] * rank)] if rank else []
    whole = w.once("Concat", c.times.batch(), *steps, *ones, axis=0)
    name = w.unsqueezed(x.name, range(x.lead, lead) if x.lead else ())
    return Tensor(w.add("Expand", name, whole), lead, x.type.over(time))
