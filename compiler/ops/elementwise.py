# ruff: noqa: E501 (a table of rows)
"""Elementwise operators, one row each: scalar text, derivative, NumPy reference, sampling domain.

Operands broadcast as in NumPy; the derivative rules do not undo that, the engine does it once.
The scalar text is what both back ends emit, over three-address values.  A comparison gives 0 or 1.
Derivatives: `g` the cotangent, `y` the result, `x, a, b` the operands.  A spec calls a row by its
name, unless it is written with a sign (`INFIX`); a rule's operands are the names of its parameters.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import (
    Array,
    Op,
    Rule,
    SampleDomain,
    aligned,
    broadcast_shapes,
    real,
    require,
)
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops import division

ANY, POSITIVE, UNIT = SampleDomain(), SampleDomain(0.2, 3.0), SampleDomain(-0.9, 0.9)
KINK_AT_0 = SampleDomain(away=(0.0,))
INFIX = {  # what the language writes with a sign, or not at all
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "quotient": "{} // {}",
    "rest": "{} % {}",
    "pow": "{} ^ {}",
    "neg": "-{}",
    "copy": "{}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "eq": "{} == {}",
    "ne": "{} != {}",
}


@dataclass(frozen=True)
class Elementwise(Op):
    """y[i] = f(x[i], ...), operands broadcast."""

    text: ClassVar[str]
    rule: ClassVar[Rule]
    function: ClassVar[Callable[..., Array]]
    domains: ClassVar[tuple[SampleDomain, ...]]
    parameters: ClassVar[tuple[str, ...]]  # the names of the operands
    keeps: ClassVar[bool] = False  # a whole number stays one

    def infer(self, *types: TensorType) -> TensorType:
        count = len(self.domains)
        require(len(types) == count, f"{self.name} takes {count} operands, got {len(types)}")
        if self.keeps:
            return types[0]
        return real(broadcast_shapes([t.shape for t in types]))

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        return list(type(self).rule(g, y, *xs))

    def reference(self, *arrays: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(type(self).function(*aligned(arrays)))


def elementwise(
    name: str,
    text: str,
    rule: Rule,
    function: Callable[..., Array],
    *domains: SampleDomain,
    kink: str | None = None,
    smooth: bool = True,
    keeps: bool = False,
) -> type[Elementwise]:
    """File a row of the table."""
    arity = max(i for i in range(3) if f"{{{i}}}" in text) + 1
    fields = {
        "name": name,
        "text": text,
        "rule": staticmethod(rule),
        "function": staticmethod(function),
        "domains": domains or (ANY,) * arity,
        "parameters": tuple(inspect.signature(rule).parameters)[2:],
        "kink": kink,
        "keeps": keeps,
        "smooth": smooth and kink is None,
        "__doc__": f"y = {text.format('a', 'b', 'c')}.",
    }
    return register(
        dataclass(frozen=True)(type(name.title().replace("_", ""), (Elementwise,), fields))
    )


def indicator(compare: Callable[..., Array]) -> Callable[..., Array]:
    """A comparison as 0.0 or 1.0."""
    return lambda a, b: np.asarray(compare(a, b), np.result_type(a, b, np.float32))


_erf = np.vectorize(math.erf, otypes=[float])


def _select(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return _select(x >= 0, 1 / (1 + e), e / (1 + e))


def _sign(x: Array) -> Array:
    """As the scalar text has it: 0 at NaN."""
    return (x > 0) * 1.0 - (x < 0)


def _maximum(a: Array, b: Array) -> Array:
    """NaN if there is one, and 0 above -0 (IEEE 754-2019)."""
    return _select((a == 0) & (b == 0), a + b, np.maximum(a, b))


def _minimum(a: Array, b: Array) -> Array:
    """NaN if there is one, and -0 below 0 (IEEE 754-2019)."""
    return _select((a == 0) & (b == 0), -(-a - b), np.minimum(a, b))


def _cut(g: Value, chosen: Value) -> Value:
    """g where it was chosen; 0 elsewhere, whatever g is."""
    return g.apply("where", chosen, g, 0.0)


def _power_rule(g: Value, y: Value, a: Value, b: Value) -> list[Value | None]:
    """At a = 0 both are the limits: 0 by b where a^b is 0, and 0 by a where b is."""
    by_a = g * b * a.apply("pow", a, b - 1.0)
    by_b = g * y * a.apply("log", a)
    return [b.apply("where", b, by_a, 0.0), y.apply("where", y, by_b, 0.0)]


# fmt: off
#                  name        scalar text                 each operand's cotangent            reference
add = elementwise("add",      "{0} + {1}",          lambda g, y, a, b: [g, g],                 np.add)
sub = elementwise("sub",      "{0} - {1}",          lambda g, y, a, b: [g, -g],                np.subtract)
mul = elementwise("mul",      "{0} * {1}",          lambda g, y, a, b: [g * b, g * a],         np.multiply)
div = elementwise("div",      "{0} / {1}",          lambda g, y, a, b: [g / b, -(g * y) / b],  np.divide, ANY, POSITIVE)
quotient = elementwise("quotient", "quotient({0}, {1})", lambda g, y, a, b: [None, None],          division.quotient, ANY, POSITIVE, kink="0 everywhere")
rest = elementwise("rest",    "rest({0}, {1})",     lambda g, y, a, b: [g, -g * a.apply("quotient", a, b)], division.rest, ANY, POSITIVE, kink="at multiples of b it jumps")
neg = elementwise("neg",      "-{0}",               lambda g, y, x: [-g],                      np.negative)
pow_ = elementwise("pow",     "pow_({0}, {1})",     _power_rule,                               np.power, POSITIVE, ANY)
exp = elementwise("exp",      "exp({0})",           lambda g, y, x: [g * y],                   np.exp)
expm1 = elementwise("expm1",  "expm1({0})",         lambda g, y, x: [g * (y + 1.0)],           np.expm1)
log = elementwise("log",      "log({0})",           lambda g, y, x: [g / x],                   np.log, POSITIVE)
log1p = elementwise("log1p",  "log1p({0})",         lambda g, y, x: [g / (x + 1.0)],           np.log1p, UNIT)
sqrt = elementwise("sqrt",    "sqrt({0})",          lambda g, y, x: [g * 0.5 / y],             np.sqrt, POSITIVE)
tanh = elementwise("tanh",    "tanh({0})",          lambda g, y, x: [g * (1.0 - y * y)],       np.tanh)
sigmoid = elementwise("sigmoid", "sigmoid({0})",    lambda g, y, x: [g * (y * (1.0 - y))],     _sigmoid)
erf = elementwise("erf",      "erf({0})",           lambda g, y, x: [g * (2.0 / math.sqrt(math.pi)) * x.apply("exp", -(x * x))], _erf)
sin = elementwise("sin",      "sin({0})",           lambda g, y, x: [g * x.apply("cos", x)],   np.sin)
cos = elementwise("cos",      "cos({0})",           lambda g, y, x: [-(g * x.apply("sin", x))], np.cos)
abs_ = elementwise("abs",     "abs_({0})",          lambda g, y, x: [g * x.apply("sign", x)],  np.abs, KINK_AT_0, kink="0 at 0")
sign = elementwise("sign",    "step({0} > real(0.0)) - step({0} < real(0.0))", lambda g, y, x: [None],                    _sign, KINK_AT_0, kink="0 everywhere")
floor = elementwise("floor",  "floor({0})",         lambda g, y, x: [None],                    np.floor, kink="0 everywhere")
maximum = elementwise("maximum", "maximum({0}, {1})", lambda g, y, a, b: [_cut(g, y > b), _cut(g, y <= b)], _maximum, kink="at a tie the second operand has it all: relu'(0) = 0")
minimum = elementwise("minimum", "minimum({0}, {1})", lambda g, y, a, b: [_cut(g, y < b), _cut(g, y >= b)], _minimum, kink="at a tie the second operand has it all")
gt = elementwise("gt",        "step({0} > {1})",    lambda g, y, a, b: [None, None],           indicator(np.greater), kink="0 everywhere")
ge = elementwise("ge",        "step({0} >= {1})",   lambda g, y, a, b: [None, None],           indicator(np.greater_equal), kink="0 everywhere")
lt = elementwise("lt",        "step({0} < {1})",    lambda g, y, a, b: [None, None],           indicator(np.less), kink="0 everywhere")
le = elementwise("le",        "step({0} <= {1})",   lambda g, y, a, b: [None, None],           indicator(np.less_equal), kink="0 everywhere")
eq = elementwise("eq",        "step({0} == {1})",   lambda g, y, a, b: [None, None],           indicator(np.equal), kink="0 everywhere")
ne = elementwise("ne",        "step({0} != {1})",   lambda g, y, a, b: [None, None],           indicator(np.not_equal), kink="0 everywhere")
where = elementwise("where",  "select({0} != real(0.0), {1}, {2})",
                    lambda g, y, condition, a, b: [None, a.apply("where", condition, g, 0.0), a.apply("where", condition, 0.0, g)],
                    lambda c, a, b: _select(c != 0, a, b), SampleDomain(away=(0.0,)), ANY, ANY)
copy = elementwise("copy",    "{0}",                lambda g, y, x: [g],                       np.positive, keeps=True)
stop = elementwise("stop_gradient", "{0}",          lambda g, y, x: [None],                    np.positive, kink="0 everywhere, by request")
# fmt: on


def power(a: Value, b: Value | float) -> Value:
    """a ^ b; small whole exponents become products, 0.5 a root, so that any sign of a works."""
    if isinstance(b, Value):
        return a.apply("pow", a, b)
    if b == 0.5:
        return a.apply("sqrt", a)
    if float(b).is_integer() and 1 <= abs(b) <= 16:
        y = _repeated_square(a, int(abs(b)))
        return y if b > 0 else 1.0 / y
    return a.builder.constant(1.0, a.shape) if b == 0 else a.apply("pow", a, b)


def _repeated_square(a: Value, exponent: int) -> Value:
    if exponent == 1:
        return a
    half = _repeated_square(a, exponent // 2)
    return half * half if exponent % 2 == 0 else half * half * a
