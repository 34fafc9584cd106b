"""Precisions bf16 and tf32: the operands of every product over examples are rounded.

    sum of a b   becomes   sum of bfloat16(a) bfloat16(b), or of tfloat32(a) tfloat32(b)

It is written into the graphs before any optimisation, so all targets, the reference and the derived
program mean the same.  Products and sums are float32, as is all else: parameters, what moves them,
and elementwise functions.  It comes after differentiation: the slope of a rounding is taken to be 1
(straight through), and the products of the derivative round their operands like any others, so that
both share the rounded ones.  A product of two tensors that all examples share is no network's
forward or backward pass but a regulariser's or an optimizer's, and stays as it is.

Background: Kalamkar et al., "A study of BFLOAT16 for deep learning training", 2019.
"""

from __future__ import annotations

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.rebuild import rewrite_nodes, with_operands
from gradc_compiler.ops.contract import Contract

ROUNDINGS = {"bf16": "bfloat16", "tf32": "tfloat32"}  # the operator of each precision


def round_operands(graph: Graph, precision: str) -> Graph:
    """The graph in which products over examples have operands rounded to a precision."""
    operator = ROUNDINGS[precision]
    asked = {node.id for node in products(graph)}
    known: dict[int, Value] = {}  # what is rounded already, by the number of the operand

    def rounded(x: Value) -> Value:
        if x.node.op.name == operator:
            return x
        if x.id not in known:
            known[x.id] = x.builder.add(OPS[operator](), x)
        return known[x.id]

    def rule(node: Node, xs: list[Value]) -> Value:
        operands = [rounded(x) for x in xs]
        return with_operands(node, operands, operands[0].builder)

    return rewrite_nodes(graph, rule, asked=asked)


def products(graph: Graph) -> list[Node]:
    """The contractions of two or more operands, of which at least one differs by example."""
    varying = graph.varying
    return [
        node
        for node in graph.nodes
        if isinstance(node.op, Contract)
        and len(node.inputs) > 1
        and any(i in varying for i in node.inputs)
    ]


LOOPED = 16  # steps for which the products of a recurrence count


def products_in_a_row(graph: Graph) -> int:
    """How many rounded products a number goes through, one after another; a recurrence counts as 16
    steps.
    """
    rounded = {node.id for node in products(graph)}
    longest: list[int] = []
    for node in graph.nodes:
        before = max((longest[i] for i in node.inputs), default=0)
        longest.append(before + (node.id in rounded))
    return max(longest, default=0) * (LOOPED if graph.carries else 1)
