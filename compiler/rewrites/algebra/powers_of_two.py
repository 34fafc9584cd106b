"""A division by a power of two becomes a product.

    x / c = x * (1 / c)          where c is 2^k or -2^k, with -126 <= k <= 126

Both sides are the same real number, rounded once, so this is exact for every x: infinities, NaN,
zeros of both signs, and results below the normal range, which are rounded (or, on a machine that
has none, counted as 0) on either side alike.  A spec does not say how wide its numbers will be, so
c and 1 / c have to be normal numbers of float32.  A division takes several times as long.
"""

from __future__ import annotations

from math import frexp

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.ops.elementwise import div, mul
from gradc_compiler.ops.leaf import Constant

LARGEST = 126  # 2^126 and 2^-126 are normal in float32


def multiply_by_reciprocals(graph: Graph) -> Graph:
    """Write every quotient by a constant whose reciprocal is exact as a product."""
    found = ((node.id, _power_of_two(graph, node)) for node in graph.nodes)
    divisors = {id: divisor for id, divisor in found if divisor is not None}

    def rule(node: Node, xs: list[Value]) -> Value:
        builder = xs[0].builder
        builder.origin = node.origin or Origin(multiply_by_reciprocals.__name__, node.tag)
        reciprocal = builder.constant(1.0 / divisors[node.id], xs[1].shape)
        return builder.add(mul(), xs[0], reciprocal, name=node.name)

    return rewrite_nodes(graph, rule, asked=divisors)


def _power_of_two(graph: Graph, node: Node) -> float | None:
    """What a node divides by, if that is a power of two whose reciprocal is a normal number."""
    divisor = graph[node.inputs[1]].op if isinstance(node.op, div) else None
    if not isinstance(divisor, Constant):
        return None
    mantissa, exponent = frexp(divisor.value)  # of 2^k they are 1/2 and k + 1
    exact = abs(mantissa) == 0.5 and abs(exponent - 1) <= LARGEST
    return divisor.value if exact else None
