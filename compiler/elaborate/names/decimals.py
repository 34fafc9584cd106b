"""Numbers of a spec, exact while it is compiled: 0.29 is 29/100, and 100 * 0.29 is 29.

An `Exact` is the float nearest to a fraction, and holds the fraction too.  Whatever takes a float
takes it, and arithmetic on numbers uses the fraction.  Fractions that outgrow `BITS`, and results
of `exp` and its like, are plain floats.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from math import isfinite

Number = int | float
BITS = 4096  # of a numerator or denominator; those of a float take up to 1,075
MOST_POWER = 64
MOST_WHOLE = 2**63
COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
EXACT: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


class Exact(float):
    """A float, and the fraction that it stands for."""

    fraction: Fraction

    def __new__(cls, fraction: Fraction) -> Exact:
        """Raises `OverflowError` for what no float is near to."""
        made = super().__new__(cls, fraction)
        size = max(abs(fraction.numerator), fraction.denominator).bit_length()
        made.fraction = fraction if size <= BITS else Fraction(float(made))
        return made

    def __getnewargs__(self) -> tuple[Fraction]:  # type: ignore[override]
        return (self.fraction,)

    def __neg__(self) -> Exact:
        return Exact(-self.fraction)

    def __floor__(self) -> int:
        return self.fraction.__floor__()

    def __ceil__(self) -> int:
        return self.fraction.__ceil__()


def written(text: str, value: Number) -> Number:
    """A literal with the value that its text says; what a float has no room for is a float."""
    if isinstance(value, int) or value == 0 or not isfinite(value):
        return value
    return Exact(Fraction(text.replace("_", "")))


def fraction_of(x: Number) -> Fraction:
    """The number meant: of a float, the shortest decimal that is read as it."""
    if isinstance(x, Exact):
        return x.fraction
    return Fraction(x) if isinstance(x, int) else Fraction(repr(x))


def calculate(sign: str, a: Number, b: Number) -> Number:
    """`a sign b`; whole numbers stay whole where they can.

    Raises `ZeroDivisionError`, `OverflowError` or `ValueError` where there is no answer.
    """
    if sign == "^":
        return _power(a, b)
    x, y = fraction_of(a), fraction_of(b)
    if sign in COMPARISONS:
        return COMPARISONS[sign](x, y)
    result = Fraction(x // y) if sign == "//" else EXACT[sign](x, y)
    both = isinstance(a, int) and isinstance(b, int)
    counted = sign == "//" and abs(result) < MOST_WHOLE
    return int(result) if result.denominator == 1 and (both or counted) else Exact(result)


def _power(a: Number, b: Number) -> Number:
    """Exact for small whole exponents."""
    if isinstance(b, int) and abs(b) <= MOST_POWER:
        result = fraction_of(a) ** b
        return int(result) if isinstance(a, int) and b >= 0 else Exact(result)
    power: float | complex = float(a) ** float(b)
    if isinstance(power, complex):
        raise ValueError(f"{a} ^ {b} is no real number")
    return power
