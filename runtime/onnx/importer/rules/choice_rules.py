"""Numbers chosen of several: the greater, those within bounds, those where a condition holds."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.attention import chosen_scores
from gradc_runtime.onnx.importer.expression import Expr, call
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.elementwise_rules import f32


@rule("Clip", "minimum(maximum(x, low), high)")
def clip(n: RuleContext) -> GraphValue:
    """`Clip`: numbers kept between two bounds, which older versions have as attributes."""
    low, high = n.attr("min"), n.attr("max")
    given = [n.value()]
    signs = []
    for k, bound, sign in ((1, low, "maximum"), (2, high, "minimum")):
        if n.has(k):
            given.append(n.value(k))
            signs.append(sign)
        elif bound is not None and abs(bound) < 3e38:
            given.append(constant(n, f32(bound)))
            signs.append(sign)

    def write(x: Expr, *bounds: Expr) -> Expr:
        for sign, bound in zip(signs, bounds, strict=True):
            x = call(sign, x, bound)
        return x

    return n.elementwise(write, *given) if signs else n.same(n.value())


def constant(n: RuleContext, value: Any) -> GraphValue:
    """A number as an operand."""
    return of_array("", np.asarray(value))


@rule("Where", "where(c, a, b)")
def where(n: RuleContext) -> GraphValue:
    """`Where`: one of two operands, chosen at each place."""
    values = n.values()
    found = n.elementwise(lambda c, a, b: call("where", c, a, b), *values, kind=n.value(1).kind)
    return chosen_scores(found, *values)


@rule("IsInf", "x == inf")
def is_inf(n: RuleContext) -> GraphValue:
    """1 where x is infinite, of the signs that are asked for."""
    up, down = n.attr("detect_positive", 1), n.attr("detect_negative", 1)
    size = (lambda x: call("abs", x)) if up and down else (lambda x: x if up else -x)
    if not up and not down:
        return n.elementwise(lambda x: x * 0 > 1, n.value(), kind=bool)
    largest = float(np.finfo(np.float64 if n.value().kind == np.float64 else np.float32).max)
    return n.elementwise(lambda x: size(x) > Expr(f"{largest!r}"), n.value(), kind=bool)


@rule("Max Min", "maximum, minimum")
def extremes(n: RuleContext) -> GraphValue:
    """`Max` and `Min` of any number of operands."""
    function = "maximum" if n.op == "Max" else "minimum"
    return n.elementwise(lambda *x: reduce(lambda a, b: call(function, a, b), x), *n.values())


@rule("Sum Mean", "a + b + ...; divided by how many")
def sums(n: RuleContext) -> GraphValue:
    """The sum or the mean of any number of operands."""
    count = len(n.inputs) if n.op == "Mean" else 1
    return n.elementwise(
        lambda *x: reduce(add, x) / count if count > 1 else reduce(add, x),
        *n.values(),
    )
