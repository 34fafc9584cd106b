"""Nodes as formulas: what a graph computes, read back as a textbook would write it.

`known` gives some nodes a formula, mostly their name; whatever else is met on the way is written
out.  Broadcasts, reshapes that only add or drop axes of one element, and repetition along time are
left unsaid, as they are on paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.ops.sequence import Previous, Sequential, TimeBroadcast
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.study.contraction_formula import contraction_formula
from gradc_compiler.study.textbook_formula import (
    Called,
    Formula,
    Letter,
    Numeral,
    Signs,
    negated,
    plus,
    times,
)
from gradc_compiler.transform.unparse_expr import expression, sequential_text


class FormulaReader:
    """Reads formulas off one graph."""

    def __init__(self, graph: Graph, known: Mapping[int, Formula]) -> None:
        self.graph, self.known = graph, dict(known)

    def of(self, id: int, known: Mapping[int, Formula] | None = None) -> Formula:
        """The formula of a node; `known` are formulas for this once."""
        if known:
            return FormulaReader(self.graph, {**self.known, **known}).of(id)
        return self.known[id] if id in self.known else self.written_out(self.graph[id])

    def written_out(self, node: Node) -> Formula:
        """The formula of a node whose own name is not enough."""
        match node.op:
            case Constant(value=value):
                return Numeral(value)
            case Input(key=key) | PersistentOp(key=key):
                return Letter(key)
            case Contract() as op:
                return contraction_formula(op, node, self.operands(node), self.graph)
            case Reshape() if self.is_unsaid(node):
                return self.of(node.inputs[0])
            case TimeBroadcast():
                return self.of(node.inputs[0])
            case Elementwise(name=name):
                return signed(name, self.operands(node))
            case _:
                return spelled(node, self.operands(node))

    def operands(self, node: Node) -> list[Formula]:
        """The formulas of what a node reads."""
        return [self.of(i) for i in node.inputs]

    def is_unsaid(self, node: Node) -> bool:
        """Whether a reshape only adds or drops axes of one element, or moves equal numbers."""
        before = self.graph[node.inputs[0]]
        one = [n for n in before.type.shape if n != 1] == [n for n in node.type.shape if n != 1]
        return one or isinstance(before.op, Constant)  # as `flow._roots` has it


def signed(name: str, parts: Sequence[Formula]) -> Formula:
    """An elementwise operator on formulas: a sign where the language has one, else a call."""
    match name, parts:
        case "add", (a, b):
            return plus(a, b)
        case "mul", (a, b):
            return times(a, b)
        case "neg", (a,):
            return negated(a)
        case (("copy" | "stop_gradient"), (a,)) if name == "copy":
            return a
        case "div", (Signs("-", (a,)), b):
            return negated(Signs("/", (a, b)))
        case "div", (a, Numeral(1)):
            return a
        case _ if name in INFIX and len(parts) == 2:
            return Signs(INFIX[name].split()[1], tuple(parts))
    return Called(name, tuple(parts))


def spelled(node: Node, parts: Sequence[Formula]) -> Formula:
    """Any other operator, as the language spells its call."""
    if isinstance(node.op, Ruled):
        return parts[0]
    if isinstance(node.op, Sequential | Previous):
        spell = partial(sequential_text, node.op)
    else:
        spell = partial(expression, node)
    return Called(node.op.name, tuple(parts), spell)
