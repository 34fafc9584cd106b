"""Arithmetic, comparisons and logic of two operands, on real, whole and truth numbers.

Whole numbers are reals without a fraction here, so what ONNX rounds or wraps is written out:
division goes towards 0, and what is 8 or 16 bits wide wraps around.  32 and 64 bits do not: they
are exact up to 2^24 in float32, and 2^53 in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.attention import hidden_by, masked, times
from gradc_runtime.onnx.importer.expression import Expr, call, number, operation
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.read_model import kind_of
from gradc_runtime.onnx.importer.rule import RuleContext, rule

COMPARISONS = {"Equal": "==", "Less": "<", "Greater": ">", "LessOrEqual": "<=",
               "GreaterOrEqual": ">="}  # fmt: skip


def truncated(x: Expr) -> Expr:
    """A number without its fraction, rounded towards 0."""
    return call("sign", x) * call("floor", call("abs", x))


def wrapped(x: Expr, kind: np.dtype[Any]) -> Expr:
    """A whole number wrapped around to the few bits of its kind."""
    if kind.kind not in "iu" or kind.itemsize > 2:
        return x
    range_ = 1 << (8 * kind.itemsize)
    if kind.kind == "u":
        return x % range_
    return (x + range_ // 2) % range_ - range_ // 2


def old_broadcast(n: RuleContext) -> tuple[GraphValue, GraphValue]:
    """The operands, the second with axes behind as `axis` of versions before 7 says."""
    a, b = n.value(0), n.value(1)
    if n.opset < 7 and n.attr("broadcast", 0) and n.attr("axis") is not None:
        after = a.rank - n.axis(a, n.attr("axis")) - b.rank
        if after > 0:
            array = None if b.array is None else b.array.reshape(b.array.shape + (1,) * after)
            b = replace(b, axes=b.axes + ((),) * after, array=array)
    return a, b


def arithmetic(operator: str, written: str, function: Callable[[Expr, Expr], Expr]) -> None:
    """The rule of an operation that wraps where the kind does."""

    @rule(operator, written)
    def lower(n: RuleContext) -> GraphValue:
        a, b = old_broadcast(n)
        found = n.elementwise(lambda x, y: wrapped(function(x, y), a.kind), a, b)
        return noted(n.op, found, a, b)


def noted(op: str, found: GraphValue, a: GraphValue, b: GraphValue) -> GraphValue:
    """A sum or product with what it means to attention."""
    (value, known) = (b, a) if b.expr is not None else (a, b)
    if op == "Add":
        return masked(found, value, hidden_by(known.array))
    return times(found, value, known, by=False) if op == "Mul" else found


arithmetic("Add", "a + b", lambda a, b: a + b)
arithmetic("Sub", "a - b", lambda a, b: a - b)
arithmetic("Mul", "a * b", lambda a, b: a * b)


@rule("Div", "a / b; towards 0 of whole numbers")
def div(n: RuleContext) -> GraphValue:
    """`Div`: a quotient."""
    a, b = old_broadcast(n)
    if a.is_real:
        return times(n.elementwise(lambda x, y: x / y, a, b), a, b, by=True)
    return n.elementwise(
        lambda x, y: call("sign", x) * call("sign", y) * (call("abs", x) // call("abs", y)), a, b
    )


@rule("Mod", "a % b; the sign of a with fmod")
def mod(n: RuleContext) -> GraphValue:
    """`Mod`: the rest of a division."""
    a, b = n.value(0), n.value(1)
    if not n.attr("fmod", 0) and not a.is_real:
        return n.elementwise(lambda x, y: x % y, a, b)
    if not n.attr("fmod", 0):
        return n.elementwise(rest_of_any, a, b)
    return n.elementwise(lambda x, y: call("sign", x) * (call("abs", x) % call("abs", y)), a, b)


def rest_of_any(x: Expr, y: Expr) -> Expr:
    """x % y, where y may be infinite: then x, or y where their signs differ."""
    endless = call("where", x * y < 0, y, x) + 0 * x
    return call("where", operation("==", call("abs", y), number(np.inf)), endless, x % y)


@rule("Pow", "a ^ b")
def power(n: RuleContext) -> GraphValue:
    """`Pow`: a power; that of a whole number is whole."""
    a, b = old_broadcast(n)
    if a.is_real:
        return n.elementwise(lambda x, y: x**y, a, b)
    return n.elementwise(lambda x, y: truncated(x**y), a, b)


def comparison(operator: str, sign: str) -> None:
    """The rule of a comparison."""

    @rule(operator, f"a {sign} b")
    def lower(n: RuleContext) -> GraphValue:
        return n.elementwise(lambda x, y: operation(sign, x, y), *old_broadcast(n), kind=bool)


for _operator, _sign in COMPARISONS.items():
    comparison(_operator, _sign)


@rule("And", "a * b")
def both_hold(n: RuleContext) -> GraphValue:
    """`And`: 1 where both operands are true."""
    return n.elementwise(lambda x, y: x * y, *old_broadcast(n), kind=bool)


@rule("Or", "maximum(a, b)")
def one_holds(n: RuleContext) -> GraphValue:
    """`Or`: 1 where at least one operand is true."""
    return n.elementwise(lambda x, y: call("maximum", x, y), *old_broadcast(n), kind=bool)


@rule("Xor", "a != b")
def one_alone_holds(n: RuleContext) -> GraphValue:
    """`Xor`: 1 where exactly one operand is true."""
    return n.elementwise(lambda x, y: operation("!=", x, y), *old_broadcast(n), kind=bool)


@rule("Cast CastLike", "x; floor towards 0; x != 0")
def cast(n: RuleContext) -> GraphValue:
    """`Cast` and `CastLike`: the numbers in another kind."""
    x, kind = n.value(), n.attr("to")
    target = n.value(1).kind if n.op == "CastLike" else kind_of(kind, "the result")
    if x.array is not None:
        return n.same(x, kind=target, array=x.array.astype(target))
    if target == x.kind or x.kind.kind == "b":
        return n.same(x, kind=target)
    if target.kind == "b":
        return n.elementwise(lambda e: operation("!=", e, 0), x, kind=bool)
    if target.kind in "iu":
        whole = (lambda e: truncated(e)) if x.is_real else (lambda e: e)
        narrower = x.is_real or target.itemsize < x.kind.itemsize or target.kind != x.kind.kind
        wrap = wrapped if narrower else (lambda e, _: e)
        return n.elementwise(lambda e: wrap(whole(e), target), x, kind=target)
    return n.same(x, kind=target)
