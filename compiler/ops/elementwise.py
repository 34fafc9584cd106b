# ruff: noqa: E501 (a table of rows)
"""Elementwise operators, one row each: scalar text, derivative, NumPy reference, sampling domain.

A function that no library has gives a formula in place of text and reference (`by_formula`).
Operands broadcast as in NumPy; the derivative rules do not undo that, the engine does it once.
The scalar text is what both back ends emit, over three-address values.  A comparison gives 0 or 1.
Derivatives: `g` the cotangent, `y` the result, `x, a, b` the operands.  A spec calls a row by its
name, unless it is written with a sign (`INFIX`); a rule's operands are the names of its parameters.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

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
from gradc_compiler.ops import bfloat16, division
from gradc_compiler.ops.formula import Formula, Mathematics, definition_of, reference_of
from gradc_compiler.records.fast_dataclass import dataclass

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
CALLED = re.compile(r"(\w+)\(")
EXACT = {  # functions of scalar texts that are rounded at most once
    *("abs_", "floor", "maximum", "minimum", "quotient", "real", "rest", "select", "sqrt", "step"),
    "to_bfloat",
    "to_tfloat",
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
    bounds: ClassVar[tuple[float, float] | None] = None  # of y; the derivative has some too then
    definition: ClassVar[str] = ""  # of the function that the text calls, if it has a formula
    formula: ClassVar[Formula | None] = None

    @property
    def approximate(self) -> bool:
        """Whether a library computes it, and each rounds in its own way: a formula is worked out in
        float64 and rounded once, and arithmetic is the same everywhere.
        """
        return not self.definition and not {*CALLED.findall(self.text)} <= EXACT

    def infer(self, *types: TensorType) -> TensorType:
        count = len(self.domains)
        require(len(types) == count, f"{self.name} takes {count} operands, got {len(types)}")
        if self.keeps:
            return types[0]
        return real(broadcast_shapes([t.shape for t in types]))

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        return list(type(self).rule(g, y, *xs))

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        """Number by number: a diagonal map, which is its own transpose, so the rule is `vjp`'s."""
        if self.name == "where" and dxs[1] is not None and dxs[2] is not None:
            return [y.apply("where", xs[0], dxs[1], dxs[2])]
        return [None if dx is None else type(self).rule(dx, y, *xs)[k] for k, dx in enumerate(dxs)]

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
    bounds: tuple[float, float] | None = None,
) -> type[Elementwise]:
    """File a row of the table."""
    fields = {
        "name": name,
        "text": text,
        "rule": staticmethod(rule),
        "function": staticmethod(function),
        "domains": domains or (ANY,) * _arity(text),
        "parameters": tuple(inspect.signature(rule).parameters)[2:],
        "kink": kink,
        "keeps": keeps,
        "bounds": bounds,
        "smooth": smooth and kink is None,
        "__doc__": f"y = {text.format('a', 'b', 'c')}.",
    }
    return register(type(name.title().replace("_", ""), (Elementwise,), fields))


def _arity(text: str) -> int:
    """How many operands a scalar text has."""
    return max(i for i in range(3) if f"{{{i}}}" in text) + 1


def by_formula(
    name: str, formula: Formula, rule: Rule, *domains: SampleDomain, kink: str | None = None
) -> type[Elementwise]:
    """File a row whose text and reference are one formula, worked out in float64."""
    operands = range(len(inspect.signature(formula).parameters) - 1)
    text = f"real({name}({', '.join(f'wide({{{k}}})' for k in operands)}))"
    row = elementwise(name, text, rule, reference_of(formula), *domains, kink=kink)
    row.definition, row.formula = definition_of(name, formula), staticmethod(formula)
    return row


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


# B_2, B_4, ..., B_16: Bernoulli's numbers, of which Stirling's series and its kin are made.
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
STEPS = 8  # from 0 to where the series are exact to the last place of float64


def _series(z: Any, coefficients: Sequence[float]) -> Any:
    """c_1 / z^2 + c_2 / z^4 + ..., from the last term on."""
    w, total = 1.0 / (z * z), 0.0
    for c in reversed(coefficients):
        total = (total + c) * w
    return total


def _turn(f: Mathematics, x: Any) -> Any:
    """pi times what x lies beyond the nearest whole number: exact but for that product."""
    return (x - f.floor(x + 0.5)) * math.pi


def _lgamma(f: Mathematics, x: Any) -> Any:
    """log |gamma(x)|: Stirling's series at x + n, and x (x + 1) ... (x + n - 1) taken off again.

    Below 0 by reflection: gamma(x) gamma(1 - x) = pi / sin(pi x).
    """
    z = f.select(x < 0.0, 1.0 - x, x)
    product = 1.0
    for _ in range(STEPS):
        product = f.select(z < STEPS, product * z, product)
        z = f.select(z < STEPS, z + 1.0, z)
    terms = [b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI, 1)]
    log = f.log(z)
    stirling = (z - 0.5) * (log - 1.0) + (math.log(2 * math.pi) - 1) / 2 + z * _series(z, terms)
    above = f.select(z < math.inf, stirling - f.log(product), z)
    below = math.log(math.pi) - f.log(f.absolute(f.sin(_turn(f, x)))) - above
    below = f.select(f.floor(x) == x, math.inf, below)
    return f.select(x < 0.0, below, above)


def _digamma(f: Mathematics, x: Any) -> Any:
    """The slope of lgamma: its series at x + n, and 1/x + 1/(x + 1) + ... taken off again.

    Below 0 by reflection: psi(1 - x) - psi(x) = pi cot(pi x), which whole numbers have not.
    """
    z = f.select(x < 0.0, 1.0 - x, x)
    below = 0.0
    for _ in range(STEPS):
        below = f.select(z < STEPS, below + 1.0 / z, below)
        z = f.select(z < STEPS, z + 1.0, z)
    terms = [b / (2 * k) for k, b in enumerate(BERNOULLI, 1)]
    above = f.log(z) - 0.5 / z - _series(z, terms) - below
    turn = _turn(f, x)
    return f.select(x < 0.0, above - math.pi * _cotangent(f, turn), above)


def _cotangent(f: Mathematics, turn: Any) -> Any:
    """cot; NaN at 0, where it has no value and no sign."""
    return f.select(turn == 0.0, turn / turn, f.cos(turn) / f.sin(turn))


def _polygamma(f: Mathematics, order: Any, x: Any) -> Any:
    """The slope of digamma, order times: (-1)^(n + 1) n! (1/x^(n + 1) + 1/(x + 1)^(n + 1) + ...).

    STEPS terms, and Euler's and Maclaurin's series for the others.  Below 0 by reflection, for
    orders up to 4; NaN for those beyond, and for orders below 0 or above 20.
    """
    n = f.floor(order)
    odd = n - 2.0 * f.floor(0.5 * n)
    z = f.select(x < 0.0, 1.0 - x, f.absolute(x))
    factorial = f.select(n < 0.0, math.nan, f.select(n > 20.0, math.nan, 1.0))
    for k in range(2, 21):
        factorial = f.select(n >= k, factorial * k, factorial)
    size = factorial * _hurwitz(f, n, z)
    value = f.select(odd == 1.0, size, -size)
    turned = f.select(odd == 1.0, -value, value) - _slope_of_cotangent(f, n, _turn(f, x))
    pole = f.select(odd == 1.0, math.inf, -math.inf)
    below = f.select(f.floor(x) == x, pole * factorial, turned)
    return f.select(n == 0.0, _digamma(f, x), f.select(x < 0.0, below, value))


def _hurwitz(f: Mathematics, n: Any, x: Any) -> Any:
    """1/x^s + 1/(x + 1)^s + ... for s = n + 1 and x above 0."""
    s, z = n + 1.0, x + STEPS
    total = f.power(x, -s)
    for k in range(1, STEPS):
        total = total + f.power(x + k, -s)
    factor, w, rest = s, 1.0 / z, 0.5
    for k, b in enumerate(BERNOULLI, 1):
        rest = rest + factor * w * (b / math.factorial(2 * k))
        factor, w = factor * (s + (2 * k - 1)) * (s + 2 * k), w / (z * z)
    return total + f.power(z, -n) / n + f.power(z, -s) * rest


def _slope_of_cotangent(f: Mathematics, n: Any, turn: Any) -> Any:
    """The slope of pi cot(pi x) by x, n times, for n from 1 to 4; NaN for others."""
    c = _cotangent(f, turn)
    q = 1.0 + c * c
    slopes = (
        -(math.pi**2) * q,
        2 * math.pi**3 * c * q,
        -2 * math.pi**4 * q * (1.0 + 3.0 * c * c),
        8 * math.pi**5 * c * q * (2.0 + 3.0 * c * c),
    )
    found = math.nan
    for k, slope in enumerate(slopes, 1):
        found = f.select(n == k, slope, found)
    return found


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
tanh = elementwise("tanh",    "tanh({0})",          lambda g, y, x: [g * (1.0 - y * y)],       np.tanh, bounds=(-1, 1))
sigmoid = elementwise("sigmoid", "sigmoid({0})",    lambda g, y, x: [g * (y * (1.0 - y))],     _sigmoid, bounds=(0, 1))
erf = elementwise("erf",      "erf({0})",           lambda g, y, x: [g * (2.0 / math.sqrt(math.pi)) * x.apply("exp", -(x * x))], _erf, bounds=(-1, 1))
lgamma = by_formula("lgamma",                 _lgamma, lambda g, y, x: [g * x.apply("digamma", x)],            POSITIVE)
digamma = by_formula("digamma",               _digamma, lambda g, y, x: [g * x.apply("polygamma", 1.0, x)],     POSITIVE)
polygamma = by_formula("polygamma",           _polygamma, lambda g, y, order, x: [None, g * x.apply("polygamma", order + 1.0, x)], SampleDomain(1.2, 2.8, away=(2.0,)), POSITIVE, kink="0 by the order, of which the whole part counts")
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
to_bfloat = elementwise("bfloat16", "to_bfloat({0})",  lambda g, y, x: [g],                       bfloat16.rounded, kink="that of x, as if nothing were rounded: straight through")
to_tfloat = elementwise("tfloat32", "to_tfloat({0})",  lambda g, y, x: [g],                       bfloat16.rounded_to_tf32, kink="that of x, as if nothing were rounded: straight through")
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
