"""Operators on numbers at one place, and activations: a row each, in the language's functions."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.expression import CHAIN, Expr, call, number, operation, pipe
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError


def one_of(operator: str, written: str, function: Callable[..., Expr], kind: Any = None) -> None:
    """The rule of a function of one number."""

    @rule(operator, written)
    def lower(n: RuleContext) -> GraphValue:
        return n.elementwise(function, n.value(), kind=kind)


def named(operator: str, function: str) -> None:
    """The rule of a function of one number that the language has by name."""
    one_of(operator, function, lambda x: applied(function, x))


def applied(function: str, x: Expr) -> Expr:
    """A function of x, at the end of the chain if x is one."""
    return pipe(x, function) if x.level == CHAIN else call(function, x)


def layered(operator: str, layer: str) -> None:
    """The rule of a function that is a layer of the prelude, which stands in a chain."""
    one_of(operator, layer, lambda x: pipe(x, layer))


for operator in ("Exp", "Log", "Sqrt", "Tanh", "Sigmoid", "Erf", "Sin", "Cos", "Abs", "Sign",
                 "Floor", "Ceil"):  # fmt: skip
    named(operator, operator.lower())
for operator in ("Relu", "Softplus", "Softsign"):
    layered(operator, operator.lower())


CELL_FUNCTIONS = ("sigmoid", "tanh")  # of gates, and of what they let through


def clamp(x: Any, low: Any, high: Any) -> Expr:
    """x between two numbers."""
    return call("minimum", call("maximum", x, low), high)


def rounded(x: Expr) -> Expr:
    """The nearest whole number, ties to the even one."""
    down = call("floor", x)
    rest = x - down
    half = operation("==", rest, 0.5)
    return call("where", half, down + down % 2, call("where", rest > 0.5, down + 1, down))


one_of("Neg", "-x", lambda x: -x)
one_of("Reciprocal", "1 / x", lambda x: 1 / x)
one_of("Tan", "sin(x) / cos(x)", lambda x: call("sin", x) / call("cos", x))
one_of("Round", "floor, ties to even", rounded)
one_of("Not", "1 - x", lambda x: 1 - x)
one_of("IsNaN", "x != x", lambda x: Expr("{} != {}", (x, x), 4, (5, 5)), bool)
one_of("Mish", "x * tanh(softplus(x))", lambda x: x * call("tanh", pipe(x, "softplus")))
one_of("HardSwish", "x * clamp(x / 6 + 1 / 2, 0, 1)", lambda x: x * clamp(x / 6 + 0.5, 0, 1))
one_of("Sinh", "(e - 1 / e) / 2 of e = exp(|x|), with expm1 near 0", lambda x: sinh(x))
one_of("Cosh", "(e + 1 / e) / 2 of e = exp(|x|)", lambda x: cosh(x))
one_of("Asinh", "sign(x) * log1p(|x| + x^2 / (1 + sqrt(x^2 + 1)))", lambda x: asinh(x))
one_of("Acosh", "log(x + sqrt(x - 1) * sqrt(x + 1))",
       lambda x: call("log", x + call("sqrt", x - 1) * call("sqrt", x + 1)))  # fmt: skip
one_of("Atanh", "(log1p(x) - log1p(-x)) / 2",
       lambda x: (call("log1p", x) - call("log1p", -x)) / 2)  # fmt: skip


FAR = 1e4  # from where on sqrt(x^2 + 1) is x in float32, and x^2 is still finite


def halves(size: Expr) -> tuple[Expr, Expr]:
    """exp(size) / 2 and exp(-size) / 2, the former as long as it is finite itself."""
    root = call("exp", 0.5 * size)
    return 0.5 * root * root, 0.5 * call("exp", -size)


def sinh(x: Expr) -> Expr:
    """The hyperbolic sine, exact near 0."""
    size = call("abs", x)
    up, down = halves(size)
    e = call("expm1", call("minimum", size, 1))
    return call("sign", x) * call("where", size > 1, up - down, (e + e / (e + 1)) / 2)


def cosh(x: Expr) -> Expr:
    """The hyperbolic cosine."""
    up, down = halves(call("abs", x))
    return up + down


def asinh(x: Expr) -> Expr:
    """The inverse hyperbolic sine, exact near 0 too."""
    size = call("abs", x)
    near = call("minimum", size, FAR)
    square = near * near
    small = call("log1p", near + square / (1 + call("sqrt", square + 1)))
    large = call("log", call("maximum", size, FAR)) + float(np.log(2))
    return call("sign", x) * call("where", size > FAR, large, small)


@rule("Identity", "x")
def identity(n: RuleContext) -> GraphValue:
    """`Identity`: the value of the operand."""
    return n.same(n.value())


@rule("Gelu", "gelu; of tanh written out")
def gelu(n: RuleContext) -> GraphValue:
    """x times the probability that a normal number is below it, or the approximation by tanh.

    Raises `DataError` for another approximation.
    """
    how = n.attr("approximate", "none")
    if how == "none":
        return n.elementwise(lambda x: pipe(x, "gelu"), n.value())
    if how != "tanh":
        raise DataError(f"an approximation by `{how}`")
    root = float(np.sqrt(2 / pi))
    return n.elementwise(
        lambda x: 0.5 * x * (1 + call("tanh", root * (x + 0.044715 * (x * x * x)))), n.value()
    )


@rule("LeakyRelu", "leaky_relu(slope)")
def leaky_relu(n: RuleContext) -> GraphValue:
    """x above 0, slope * x below."""
    slope = text(n.attr("alpha", 0.01))
    layer = "leaky_relu" if slope == "0.01" else f"leaky_relu({slope})"
    return n.elementwise(lambda x: pipe(x, layer), n.value())


@rule("Elu", "elu(alpha)")
def elu(n: RuleContext) -> GraphValue:
    """x above 0, alpha (e^x - 1) below."""
    alpha = text(n.attr("alpha", 1.0))
    layer = "elu" if alpha == "1" else f"elu({alpha})"
    return n.elementwise(lambda x: pipe(x, layer), n.value())


def text(value: float) -> str:
    """A float32 attribute as it was written."""
    return number(np.float32(value)).text


def f32(value: float) -> np.float32:
    """A float32 attribute."""
    return np.float32(value)


@rule("Celu", "maximum(x, 0) + minimum(0, alpha * expm1(x / alpha))")
def celu(n: RuleContext) -> GraphValue:
    """`Celu`: Barron, 2017."""
    a = f32(n.attr("alpha", 1.0))
    return n.elementwise(
        lambda x: call("maximum", x, 0) + call("minimum", 0, a * call("expm1", x / a)), n.value()
    )


@rule("Selu", "gamma * where(x > 0, x, alpha * expm1(x))")
def selu(n: RuleContext) -> GraphValue:
    """`Selu`: Klambauer et al., 2017."""
    alpha = f32(n.attr("alpha", 1.67326319217681884765625))
    gamma = f32(n.attr("gamma", 1.05070102214813232421875))
    return n.elementwise(
        lambda x: gamma * call("where", x > 0, x, alpha * call("expm1", call("minimum", x, 0))),
        n.value(),
    )


@rule("HardSigmoid", "clamp(alpha * x + beta, 0, 1)")
def hard_sigmoid(n: RuleContext) -> GraphValue:
    """A straight line between 0 and 1."""
    alpha, beta = f32(n.attr("alpha", 0.2)), f32(n.attr("beta", 0.5))
    return n.elementwise(lambda x: clamp(alpha * x + beta, 0, 1), n.value())


@rule("ThresholdedRelu", "where(x > alpha, x, 0)")
def thresholded_relu(n: RuleContext) -> GraphValue:
    """x where it is above alpha."""
    alpha = f32(n.attr("alpha", 1.0))
    return n.elementwise(lambda x: call("where", x > alpha, x, 0), n.value())


@rule("Shrink", "where(x < -lambd, x + bias, where(x > lambd, x - bias, 0))")
def shrink(n: RuleContext) -> GraphValue:
    """`Shrink`: 0 in the middle, and numbers outside moved towards 0."""
    bias, lambd = f32(n.attr("bias", 0.0)), f32(n.attr("lambd", 0.5))
    return n.elementwise(
        lambda x: call("where", x < -lambd, x + bias, call("where", x > lambd, x - bias, 0)),
        n.value(),
    )


@rule("Swish", "x * sigmoid(alpha * x)")
def swish(n: RuleContext) -> GraphValue:
    """x times its sigmoid."""
    alpha = f32(n.attr("alpha", 1.0))
    if alpha == 1:
        return n.elementwise(lambda x: pipe(x, "swish"), n.value())
    return n.elementwise(lambda x: x * call("sigmoid", alpha * x), n.value())


@rule("PRelu", "where(x > 0, x, slope * x)")
def prelu(n: RuleContext) -> GraphValue:
    """A slope that is learnt, broadcast to x."""
    return n.elementwise(lambda x, s: call("where", x < 0, s * x, x), n.value(), n.value(1))
