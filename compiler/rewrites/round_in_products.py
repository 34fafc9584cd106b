"""Products that round their operands themselves, so that no rounded copy of an operand is written.

    sum of bfloat16(a) bfloat16(b) = rounded product of a and b

A kernel of the library copies its operands into panels in any case, and can round them on the way.
Then a value is stored once, in float32, for all its readers.  Moving numbers before or after
rounding them gives the same, since 0 is rounded to 0; so the rule looks for a rounding behind
operators that only move numbers.

It runs after all rewrites that make products, so none of them has to know of rounded products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.rebuild import with_operands
from gradc_compiler.graph_tools.roundings import unrounded, with_halo
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.rounded_contract import RoundedContract
from gradc_compiler.rewrites.conv.small_matrix import has_small_matrix


def round_in_products(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """The rule for products of two rounded operands."""

    def rule(node: Node, xs: list[Value]) -> Value | None:
        if not isinstance(node.op, Contract) or len(xs) != 2 or has_small_matrix(graph, node):
            return None
        sources = [unrounded(x) for x in xs]
        if None in sources:
            return None
        same = node.op
        op = RoundedContract(same.extents, same.operands, same.result, same.shape, same.mean)
        given = [with_halo(op, k, x) for k, x in enumerate(sources) if x is not None]
        return with_operands(replace(node, op=op), given, xs[0].builder)

    return rule
