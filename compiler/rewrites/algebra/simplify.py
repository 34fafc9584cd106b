"""Algebra: rules named by what they prove, applied at every node until none fires.

Each rule looks at one node whose operands are already simplified and gives a value to use instead,
or None.  All are exact for every float, bit for bit: infinities, NaN, and the sign of a zero, which
1 / x shows; only a sum that is zero may have either sign.  So x * 0 is no 0 and x + 0 is no x: zero
cotangents, which would bring such, are left out of a derivative beforehand (`differentiate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import copysign

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.ops.contract import Affine, Contract
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.shape import Reshape, reshape
from gradc_compiler.rewrites.algebra.laws import RULES, Firing, rule


def simplify(graph: Graph, told: list[Firing] | None = None) -> Graph:
    """One sweep over the graph; every node gets the first rule that fires, which is `told`."""
    builder = Builder()
    mapping: dict[int, int] = {}
    for node in graph.nodes:
        builder.inherit_provenance(node)
        operands = [builder.value(mapping[i]) for i in node.inputs]
        new = builder.value(builder.copy(node, [x.id for x in operands]))
        for law in RULES.get(node.op.name, []):
            builder.origin = node.origin or Origin(law.name, node.tag)
            result = law.rule(new, operands)
            if result is not None and result.type == new.type:
                if told is not None:
                    told.append(Firing(law, new.id, result.id))
                new = result
                break
        mapping[node.id] = new.id
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()})


def constant_of(x: Value) -> float | None:
    """The number a value is filled with, if it is a constant."""
    return x.node.op.value if isinstance(x.node.op, Constant) else None


@rule("sub")
def nothing_is_subtracted(y: Value, xs: list[Value]) -> Value | None:
    """x - 0 = x; but x + 0 is no x, for -0 + 0 is 0, and 0 - x is no -x."""
    zero = constant_of(xs[1])
    return xs[0] if zero == 0 and copysign(1.0, zero) > 0 else None


@rule("mul")
def one_is_neutral(y: Value, xs: list[Value]) -> Value | None:
    """x * 1 = x;  x * -1 = -x."""
    for a, b in (xs, xs[::-1]):
        if constant_of(a) == 1:
            return b
        if constant_of(a) == -1:
            return -b
    return None


@rule("div")
def division_by_one_vanishes(y: Value, xs: list[Value]) -> Value | None:
    """x / 1 = x."""
    return xs[0] if constant_of(xs[1]) == 1 else None


@rule("where")
def known_choice_is_made(y: Value, xs: list[Value]) -> Value | None:
    """where(1, a, b) = a;  where(0, a, b) = b."""
    chosen = constant_of(xs[0])
    return None if chosen is None else xs[1] if chosen != 0 else xs[2]


@rule("neg")
def double_negation_vanishes(y: Value, xs: list[Value]) -> Value | None:
    """-(-x) = x."""
    inner = xs[0].node
    return y.builder.value(inner.inputs[0]) if inner.op.name == "neg" else None


@rule("add")
def adding_a_negative_subtracts(y: Value, xs: list[Value]) -> Value | None:
    """a + (-b) = a - b."""
    a, b = xs
    return a - y.builder.value(b.node.inputs[0]) if b.node.op.name == "neg" else None


@rule("contract")
def broadcast_constant_is_constant(y: Value, xs: list[Value]) -> Value | None:
    """A constant, read inside its range and repeated, is a constant of the new shape."""
    op = y.node.op
    assert isinstance(op, Contract)
    value = constant_of(xs[0]) if len(xs) == 1 and is_view(op, xs[0].shape) else None
    return None if value is None else y.builder.constant(value, y.shape)


@rule("contract")
def sum_of_zeros_is_zero(y: Value, xs: list[Value]) -> Value | None:
    """A sum of nothing but zeros is zero."""
    zero = len(xs) == 1 and constant_of(xs[0]) == 0
    return y.builder.constant(0.0, y.shape) if zero else None


@rule("contract", reorders=True)
def factor_of_ones_drops_out(y: Value, xs: list[Value]) -> Value | None:
    """contract(a * ones) = contract(a), for ones read in range."""
    op = y.node.op
    assert isinstance(op, Contract)
    kept = [k for k, x in enumerate(xs) if constant_of(x) != 1 or op.reads_outside(k, x.shape)]
    if len(kept) == len(xs) or len(xs) == 1:
        return None
    kept = kept or [0]
    fewer = replace(op, operands=tuple(op.operands[k] for k in kept))
    return y.builder.add(fewer, *(xs[k] for k in kept))


@rule("contract")
def identity_vanishes(y: Value, xs: list[Value]) -> Value | None:
    """A contraction that reads every element in its own place is its operand."""
    op = y.node.op
    assert isinstance(op, Contract)
    plain = len(xs) == 1 and op.operands[0] == op.result and op.shape == op.extents == xs[0].shape
    ordered = [p.plain for p in op.result] == list(range(len(op.extents)))
    return xs[0] if plain and ordered and not op.mean else None


@rule("contract")
def scalar_factor_leaves_the_contraction(y: Value, xs: list[Value]) -> Value | None:
    """contract(s, b) = s * contract(b) for a scalar s, where contract(b) does not sum."""
    op = y.node.op
    assert isinstance(op, Contract)
    if len(xs) != 2 or op.mean:
        return None
    for k in (0, 1):
        alone = Contract(op.extents, (op.operands[1 - k],), op.result, op.shape)
        if xs[k].shape == () and is_view(alone, xs[1 - k].shape):
            return y.builder.add(alone, xs[1 - k]) * xs[k]
    return None


@rule("add", "sub", "mul", "div", "maximum", "minimum", "gt", "ge", "lt", "le", "eq", "ne", "where")
def broadcasting_is_implied(y: Value, xs: list[Value]) -> Value | None:
    """An elementwise operator broadcasts by itself: f(broadcast(a), b) = f(a, b)."""
    plain = [_before_broadcast(x) for x in xs]
    if all(a is b for a, b in zip(plain, xs, strict=True)):
        return None
    new = y.builder.add(y.node.op, *plain)
    return new if new.shape == y.shape else None


def _before_broadcast(x: Value) -> Value:
    """What x repeats: a smaller constant, or the operand of a trailing-aligned broadcast."""
    value = constant_of(x)
    if value is not None:
        return x.builder.constant(value) if x.shape else x
    op = x.node.op
    if not isinstance(op, Contract) or len(op.operands) != 1 or op.extents != op.shape:
        return x
    source = x.builder.value(x.node.inputs[0])
    lead = len(op.shape) - len(source.shape)
    if not is_view(op, source.shape) or lead < 0 or (lead == 0 and source.shape == op.shape):
        return x
    in_order = [p.plain for p in op.result] == list(range(len(op.shape)))
    aligned = all(
        (p.plain == lead + j and n == op.shape[lead + j]) or (n == 1 and p == Affine())
        for j, (p, n) in enumerate(zip(op.operands[0], source.shape, strict=True))
    )
    return source if in_order and aligned else x


def is_view(op: Contract, shape: tuple[int, ...]) -> bool:
    """Whether a one-operand contraction only reads: no sum, nothing outside, each place once."""
    loops = [p.plain for p in op.result if p.plain is not None]
    whole = len(loops) == len(op.result) and sorted(loops) == list(range(len(op.extents)))
    sized = whole and all(op.extents[j] == n for j, n in zip(loops, op.shape, strict=True))
    one = len(op.operands) == 1 and not op.mean
    return one and sized and not op.reads_outside(0, shape)


@rule("reshape")
def reshape_of_reshape_is_reshape(y: Value, xs: list[Value]) -> Value | None:
    """Only the last shape counts; a reshape to the same shape vanishes; a constant just changes
    shape.
    """
    x = xs[0]
    value = constant_of(x)
    if value is not None:
        return y.builder.constant(value, y.shape)
    if x.shape == y.shape:
        return x
    again = isinstance(x.node.op, Reshape)
    return reshape(y.builder.value(x.node.inputs[0]), y.shape) if again else None


@rule("batch_mean")
def mean_of_equal_values_is_the_value(y: Value, xs: list[Value]) -> Value | None:
    """A uniform value is its own mean."""
    return None if y.builder.is_varying(xs[0]) else xs[0]


@rule("contract")
def double_transpose_composes(y: Value, xs: list[Value]) -> Value | None:
    """A view of a view, each position one loop, is one view."""
    from_op, op = xs[0].node.op, y.node.op
    if not (isinstance(op, Contract) and isinstance(from_op, Contract) and len(xs) == 1):
        return None
    source = y.builder.value(xs[0].node.inputs[0])
    if not is_view(from_op, source.shape) or op.mean or op.reads_outside(0, from_op.shape):
        return None
    place = {p.plain: k for k, p in enumerate(from_op.result)}
    composed = []
    for position in from_op.operands[0]:
        if any(loop not in place for loop, _ in position.terms) or len(position.terms) > 1:
            return None
        composed.append(_substitute(position, place, op))
    return y.builder.add(Contract(op.extents, (tuple(composed),), op.result, op.shape), source)


def _substitute(position: Affine, place: Mapping[int | None, int], op: Contract) -> Affine:
    """`position`, a place in the first view, in terms of the loops of the second."""
    if not position.terms:
        return position
    loop, scale = position.terms[0]
    inner = op.operands[0][place[loop]]
    return Affine(
        tuple((j, c * scale) for j, c in inner.terms), inner.offset * scale + position.offset
    )
