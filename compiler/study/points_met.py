"""How often a point without a derivative is met, and where a slope is nearly 0: as nodes.

Beside each kink of a loss (`questions.py`) stands an indicator, 1 where an operand is at the point
itself; beside each function that levels off, its slope, by its own rule.  What they are on real
examples is then a matter of evaluating a graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.shape import reshape, sum_axes
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.questions import Kink, kink_nodes

COMPARE = ("maximum", "minimum", "gt", "ge", "lt", "le", "eq", "ne")  # at equal operands
AT = {"abs": 0.0, "sign": 0.0, "sqrt": 0.0, "log": 0.0, "pow": 0.0, "log1p": -1.0}
LEVELS_OFF = ("maximum", "minimum")  # and what has bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class KinkMet:
    """A kink, and the node that is 1 where it is met."""

    kink: Kink
    met: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeNode:
    """A value whose function levels off, and the node of its slope by what it reads."""

    value: str
    operator: str
    line: int
    slope: int


def kinks_met(builder: Builder, graph: Graph, names: Mapping[int, str]) -> Iterator[KinkMet]:
    """An indicator for each kink of a graph that is at some value of an operand; `builder` goes on
    where the graph ends.
    """
    for node, kink in kink_nodes(graph, names):
        met = _met(builder, node)
        if met is not None:
            yield KinkMet(kink=kink, met=met.id)


def _met(builder: Builder, node: Node) -> Value | None:
    """1 where a node is at its kink; None where it is at one everywhere, or nowhere."""
    xs, y = [builder.value(i) for i in node.inputs], builder.value(node.id)
    name = node.op.name
    if name in COMPARE:
        return y.apply("eq", xs[0], xs[1])
    if name in AT:
        return y.apply("eq", xs[0], AT[name])
    match name:
        case "div":
            return y.apply("eq", xs[1], 0.0)
        case "floor":
            return y.apply("eq", xs[0], y)
        case "rest":
            return y.apply("eq", y, 0.0)
    if not isinstance(node.op, Max):
        return None
    kept = tuple(1 if j in node.op.axes else n for j, n in enumerate(xs[0].shape))
    return sum_axes(y.apply("eq", xs[0], reshape(y, kept)), node.op.axes) > 1.0


def slopes(builder: Builder, graph: Graph, names: Mapping[int, str]) -> Iterator[SlopeNode]:
    """The slope of every function that levels off, by its first operand that is no number."""
    for node in graph.nodes:
        levels_off = node.op.name in LEVELS_OFF or getattr(node.op, "bounds", None)
        if not levels_off or node.span is None:
            continue
        xs, y = [builder.value(i) for i in node.inputs], builder.value(node.id)
        sent = node.op.vjp(y * 0.0 + 1.0, y, *xs)
        pairs = zip(sent, xs, strict=True)
        found = next((g for g, x in pairs if g and not isinstance(x.node.op, Constant)), None)
        if found is not None:
            value = names.get(node.id, node.op.name)
            yield SlopeNode(
                value=value, operator=node.op.name, line=node.span.line, slope=found.id
            )  # fmt: skip
