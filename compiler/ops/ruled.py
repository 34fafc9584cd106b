"""A value whose derivative the author has written: `derivative f(x)(dx) { ... }` beside `f`.

    ruled:  y = what f gives          dy = rule(x, dx), what its `derivative` gives

The rule is linear in dx, so one text serves both directions: its graph is `push`, and `pull` is
that graph transposed (Radul et al., "You only linearize once", 2023).  Either is copied to where a
derivative goes through y.  Both are made of operators, so there are derivatives of any order.  When
all derivatives are there, y is the value itself, and `without_rules` takes the operator away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.op import Array, NoDerivative, Op
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.sequence import TimeBroadcast
from gradc_compiler.ops.shape import broadcast
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(eq=False)
class DerivativeRule:
    """A rule for operands of known types: `push` reads `x0`, ... and `dx0`, ... and gives `dy`;
    `pull` reads `x0`, ... and `g` and gives `g0`, ..., for those operands that move y.

    Both are None while it is being made: a rule may read the function that it belongs to.
    """

    name: str
    reason: str | None = None  # why it is not the true derivative
    push: Graph | None = None
    pull: Graph | None = None

    @property
    def told(self) -> str:
        """What a reader of a derivation is told."""
        reason = "" if self.reason is None else f' because "{self.reason}"'
        return f"the derivative of {self.name} that its author wrote{reason}"

    def __repr__(self) -> str:
        return repr(self.name)

    def __str__(self) -> str:
        return self.name


@register
@dataclass(frozen=True)
class Ruled(Op):
    """y as it is; by x and the operands after it the derivative is a rule of the author's."""

    rule: DerivativeRule | str  # a text where a graph has been read from one
    name: ClassVar[str] = "ruled"
    sends: ClassVar[str] = "y none, the others what the rule's transpose makes of g"
    sequential: ClassVar[bool] = True

    def infer(self, y: TensorType, *xs: TensorType) -> TensorType:
        return y

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        """What the rule's transpose makes of g.

        Raises `NoDerivative` while the rule is being made.
        """
        if isinstance(self.rule, str) or self.rule.pull is None:
            raise NoDerivative(str(self.rule))
        given = {f"x{k}": x for k, x in enumerate(xs[1:])} | {"g": like(y, g)}
        found = inlined(y.builder, self.rule.pull, given)
        return [None, *(found.get(f"g{k}") for k in range(len(xs) - 1))]

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        """What the rule makes of the tangents.

        Raises `NoDerivative` while the rule is being made.
        """
        if isinstance(self.rule, str) or self.rule.push is None:
            raise NoDerivative(str(self.rule))
        if all(dx is None for dx in dxs[1:]):
            return []
        given = {f"x{k}": x for k, x in enumerate(xs[1:])}
        for k, (x, dx) in enumerate(zip(xs[1:], dxs[1:], strict=True)):
            given[f"dx{k}"] = like(x, dx or y.builder.constant(0.0, x.shape))
        return [inlined(y.builder, self.rule.push, given)["dy"]]

    def spelled(self, names: Sequence[str]) -> str:
        return names[0]

    def reference(self, y: Array, *xs: Array) -> Array:
        return y


def like(x: Value, dx: Value) -> Value:
    """A tangent or cotangent of x, in x's own shape and time."""
    dx = broadcast(dx, x.shape)
    if x.type.time is None or dx.type.time is not None:
        return dx
    return dx.builder.add(TimeBroadcast(x.type.time), dx)


def inlined(builder: Builder, graph: Graph, given: Mapping[str, Value]) -> dict[str, Value]:
    """The nodes of a graph appended, its inputs being what is given; its outputs by name."""
    now: dict[int, Value] = {}
    for node in graph.nodes:
        if isinstance(node.op, Input):
            now[node.id] = given[node.op.key]
        else:
            now[node.id] = builder.add(node.op, *(now[i] for i in node.inputs), name=node.name)
    return {str(key): now[id] for key, id in graph.results.items()}


def without_rules(graph: Graph) -> Graph:
    """The graph once it has all its derivatives: ruled(y, x) = y.  Exact in floating point."""
    asked = [node.id for node in graph.nodes if isinstance(node.op, Ruled)]
    if not asked:
        return graph
    return rewrite_nodes(graph, lambda node, xs: xs[0], asked=asked)
