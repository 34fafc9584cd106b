"""To what the operands of products have been rounded, behind operators that only move numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.rebuild import with_operands
from gradc_compiler.graph_tools.contiguous import is_contiguous
from gradc_compiler.machine.visits import visits
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.ops.shape import Reshape

ROUNDED = "bfloat16"
SINGLE = "float32"
PRECISIONS = {ROUNDED: "bf16", "tfloat32": "tf32"}  # by the operator that rounds


def unrounded(x: Value, operator: str = ROUNDED) -> Value | None:
    """The value without the rounding behind its views; None where there is no such rounding."""
    op, builder = x.node.op, x.builder
    if op.name == operator:
        return builder.value(x.node.inputs[0])
    if not _only_moves(x.node):
        return None
    source = unrounded(builder.value(x.node.inputs[0]), operator)
    if source is None:
        return None
    if isinstance(op, Contract):
        source = with_halo(op, 0, source)
    elif isinstance(op, Reshape) and not is_contiguous(source.node):
        source = builder.add(Copy(), source)
    return with_operands(x.node, [source], builder)


def precision_of(graph: Graph, product: Node) -> str:
    """To what all operands of a product have been rounded; float32 where there is no such thing."""
    found = {_operator(graph[i], graph.__getitem__) for i in product.inputs}
    return PRECISIONS.get(found.pop(), SINGLE) if len(found) == 1 else SINGLE


def common_rounding(pair: Sequence[Value]) -> str | None:
    """The operator that has rounded both values of a pair, None where there is no such one."""
    value = pair[0].builder.value
    found = {_operator(x.node, lambda i: value(i).node) for x in pair}
    operator = found.pop()
    return operator if not found and operator in PRECISIONS else None


def _operator(node: Node, node_of: Callable[[int], Node]) -> str:
    """What made a value, behind operators that only move numbers."""
    while _only_moves(node):
        node = node_of(node.inputs[0])
    return node.op.name


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


def with_halo(op: Contract, k: int, x: Value) -> Value:
    """Operand k; a copy of it, if the product reads outside it and it cannot have zeros around
    itself.
    """
    if op.reads_outside(k, x.shape) and not isinstance(x.node.op, Elementwise):
        return x.builder.add(Copy(), x)
    return x
