"""Finds factors that are masks: values made of comparisons alone, so that a product with them is
cut where they are 0.

`cotangent_masks.py` asks.
"""

from __future__ import annotations

from collections.abc import Callable

from gradc_compiler.graph.graph import Value
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.sequence import TimeBroadcast
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.transform.value_ranges import COMPARISONS

JUMPING = ("sign", "floor", "quotient")  # constant but for jumps, like comparisons


def mask_of(x: Value, factors: int = 4) -> Callable[[], Value] | None:
    """Where a factor made of comparisons is not 0: `-(a > b)`, `1 - (a > b)`, `c * (a > b)`.

    Of a longer product only so many factors are looked at, however they are shared.
    """
    if is_mask(x):
        return lambda: x
    if (chosen := chosen_of(x)) is not None:
        return chosen
    read = [Value(x.builder, i) for i in x.node.inputs]
    match x.node.op.name:
        case "neg" | "div" if factors:
            return mask_of(read[0], factors - 1)
        case "mul" if factors:
            first, second = (mask_of(operand, factors - 1) for operand in read)
            if first is None or second is None:
                return first or second
            return lambda: first() * second()
    if only_jumps(x, factors):
        return lambda: x.apply("ne", x, 0.0)
    return None


def chosen_of(x: Value) -> Callable[[], Value] | None:
    """Where `where(c, a, 0)` or `where(c, 0, a)`, of which derivatives are made, gives a and not
    0.
    """
    node = x.node
    if node.op.name != "where":
        return None
    condition, *choices = (Value(x.builder, i) for i in node.inputs)
    for choice, sign in zip(choices, ("eq", "ne"), strict=True):
        if isinstance(choice.node.op, Constant) and choice.node.op.value == 0:
            return lambda: condition.apply(sign, condition, 0.0)
    return None


def only_jumps(x: Value, depth: int = 4) -> bool:
    """Whether a factor is made of comparisons and written numbers alone: `1 - (a > b)`, `maximum(a
    > b, c > d)`, `where(a > b, 1, 0)`, `floor(a)`.
    """
    node = x.node
    if is_mask(x) or node.op.name in JUMPING:
        return True
    read = [Value(x.builder, i) for i in node.inputs] if isinstance(node.op, Elementwise) else []
    moving = [operand for operand in read if not isinstance(operand.node.op, Constant)]
    return bool(moving) and depth > 0 and all(only_jumps(v, depth - 1) for v in moving)


def is_mask(x: Value) -> bool:
    """Whether a value is a comparison, seen through views at most."""
    node = x.node
    while node.op.name not in COMPARISONS:
        view = len(node.inputs) == 1 and isinstance(node.op, Contract | Reshape | TimeBroadcast)
        if not view and node.op.name not in ("copy", "stop_gradient"):
            return False
        if isinstance(node.op, Contract) and node.op.extents != node.op.shape:
            return False  # a sum of comparisons
        node = x.builder.nodes[node.inputs[0]]
    return True
