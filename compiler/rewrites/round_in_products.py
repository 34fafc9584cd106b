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
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.rebuild import with_operands
from gradc_compiler.machine.visits import visits
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.ops.rounded_contract import RoundedContract
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.rewrites.conv.small_matrix import has_small_matrix
from gradc_compiler.rewrites.legalize import is_contiguous

ROUNDED = "bfloat16"
SINGLE = "float32"
PRECISIONS = {ROUNDED: "bf16", "tfloat32": "tf32"}  # by the operator that rounds


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
        given = [_with_halo(op, k, x) for k, x in enumerate(sources) if x is not None]
        return with_operands(replace(node, op=op), given, xs[0].builder)

    return rule


def unrounded(x: Value) -> Value | None:
    """The value without the rounding behind its views; None where there is none."""
    op, builder = x.node.op, x.builder
    if op.name == ROUNDED:
        return builder.value(x.node.inputs[0])
    if not _only_moves(x.node):
        return None
    source = unrounded(builder.value(x.node.inputs[0]))
    if source is None:
        return None
    if isinstance(op, Contract):
        source = _with_halo(op, 0, source)
    elif isinstance(op, Reshape) and not is_contiguous(source.node):
        source = builder.add(Copy(), source)
    return with_operands(x.node, [source], builder)


def precision_of(graph: Graph, product: Node) -> str:
    """To what all operands of a product have been rounded; float32 where there is no such thing."""
    found = {_rounding(graph, graph[i]) for i in product.inputs}
    return found.pop() if len(found) == 1 else SINGLE


def _rounding(graph: Graph, node: Node) -> str:
    """To what a value has been rounded, behind operators that only move numbers."""
    while _only_moves(node):
        node = graph[node.inputs[0]]
    return PRECISIONS.get(node.op.name, SINGLE)


def _only_moves(node: Node) -> bool:
    op = node.op
    return bool(node.inputs) and (op == Copy() or isinstance(op, Reshape) or _moves(op))


def _moves(op: Op) -> bool:
    """Whether an operator only moves numbers and adds none up: a view, or one that puts numbers
    among zeros.
    """
    if not isinstance(op, Contract) or len(op.operands) != 1 or op.mean:
        return False
    words = zip(op.result, _strides(op.shape), strict=True)
    moves = [0] * len(op.extents)
    for position, stride in words:
        for loop, coefficient in position.terms:
            moves[loop] += coefficient * stride
    return visits(moves, op.extents) == 1


def _strides(shape: tuple[int, ...]) -> list[int]:
    """Of a tensor in row-major order."""
    return [prod(shape[j + 1 :]) for j in range(len(shape))]


def _with_halo(op: Contract, k: int, x: Value) -> Value:
    """Operand k; a copy of it, if the product reads outside it and it cannot have zeros around
    itself.
    """
    if op.reads_outside(k, x.shape) and not isinstance(x.node.op, Elementwise):
        return x.builder.add(Copy(), x)
    return x
