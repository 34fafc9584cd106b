"""Expressions of the language as a tree that knows where brackets are needed.

Rules write them with Python's operators: `call("maximum", x, 0) / 6` is `maximum(x, 0) / 6`.  A
node that two others read becomes a statement of its own (`spec_writer.py`), so a rule may use an
operand as often as it likes.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

OPERATION, CHAIN, CALL = 5, 1, 9  # how tightly an expression holds together
SIGNS = {"<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4, "+": 5, "-": 5, "*": 6, "/": 6,
         "//": 6, "%": 6, "@": 6, "^": 8}  # fmt: skip
serials = count()


class Expr:
    """A text with places for operands, and the level that each of these must have."""

    __slots__ = ("hint", "level", "levels", "operands", "serial", "text", "weights")

    def __init__(
        self, text: str, operands: tuple[Expr, ...] = (), level: int = CALL,
        levels: tuple[int, ...] = (), weights: Weights | None = None,
    ) -> None:  # fmt: skip
        self.text, self.operands, self.level, self.levels = text, operands, level, levels
        self.serial, self.weights, self.hint = next(serials), weights, ""

    def __add__(self, other: Any) -> Expr:
        return operation("+", self, other)

    def __radd__(self, other: Any) -> Expr:
        return operation("+", other, self)

    def __sub__(self, other: Any) -> Expr:
        return operation("-", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return operation("-", other, self)

    def __mul__(self, other: Any) -> Expr:
        return operation("*", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return operation("*", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return operation("/", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return operation("/", other, self)

    def __floordiv__(self, other: Any) -> Expr:
        return operation("//", self, other)

    def __mod__(self, other: Any) -> Expr:
        return operation("%", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return operation("^", other, self)

    def __pow__(self, other: Any) -> Expr:
        return operation("^", self, other)

    def __matmul__(self, other: Any) -> Expr:
        return operation("@", self, other)

    def __lt__(self, other: Any) -> Expr:
        return operation("<", self, other)

    def __le__(self, other: Any) -> Expr:
        return operation("<=", self, other)

    def __gt__(self, other: Any) -> Expr:
        return operation(">", self, other)

    def __ge__(self, other: Any) -> Expr:
        return operation(">=", self, other)

    def __neg__(self) -> Expr:
        return Expr("-{}", (self,), 7, (7,))


class Weights:
    """What a layer of the prelude has learnt: its definition's name, and arrays by their names.

    `key` says which ONNX tensors they are of: two layers of one key are one layer, used twice.
    """

    def __init__(self, layer: str, arrays: dict[str, np.ndarray], key: tuple[Any, ...]) -> None:
        self.layer, self.arrays, self.key = layer, arrays, key


def as_expr(thing: Any) -> Expr:
    """An expression, or a number as one."""
    return thing if isinstance(thing, Expr) else number(thing)


def operation(sign: str, a: Any, b: Any) -> Expr:
    """The expression `a sign b`."""
    level = SIGNS[sign]
    tighter = CALL if sign == "^" else level + 1
    first = CALL if sign == "^" else level if sign in "+-*" else level + 1
    first = level if sign in ("/", "@") else first
    return Expr(f"{{}} {sign} {{}}", (as_expr(a), as_expr(b)), level, (first, tighter))


def call(function: str, *operands: Any, **settings: str) -> Expr:
    """The call `function(a, b, axis = 0)`; settings are text."""
    written = [f"{name} = {text}" for name, text in settings.items()]
    inside = ", ".join(["{}"] * len(operands) + [w.replace("{", "{{") for w in written])
    return Expr(f"{function}({inside})", tuple(map(as_expr, operands)), CALL, (0,) * len(operands))


def pipe(x: Expr, layer: str, weights: Weights | None = None) -> Expr:
    """The expression `x |> layer`."""
    return Expr(f"{{}} |> {layer}", (x,), CHAIN, (CHAIN,), weights)


def part(x: Expr, places: str) -> Expr:
    """The expression `x[places]`."""
    return Expr(f"{{}}[{places}]", (x,), CALL, (CALL,))


def name(text: str) -> Expr:
    """A name as an expression."""
    return Expr(text)


def number(value: Any) -> Expr:
    """A number as an exact literal: the shortest decimals that are read as this one in its width.

    Infinity and NaN have no literal: they are what the arithmetic of the run makes them.
    """
    scalar: Any = np.asarray(value)[()]
    if isinstance(scalar, np.bool_ | np.integer):
        text = str(int(scalar))
    elif np.isinf(scalar):
        text = "-log(zeros([]))" if scalar > 0 else "log(zeros([]))"
    elif np.isnan(scalar):
        return Expr("zeros([]) / zeros([])", (), SIGNS["/"])
    else:
        text = np.format_float_scientific(scalar, trim="-") if is_long(scalar) else plain(scalar)
    return Expr(text, (), 7 if text.startswith("-") else CALL)


def is_long(scalar: Any) -> bool:
    """Whether a number is clearer with an exponent."""
    return scalar != 0 and not 1e-4 <= abs(float(scalar)) < 1e7


def plain(scalar: Any) -> str:
    """The digits, without a point where nothing follows it."""
    return str(np.format_float_positional(scalar, trim="-"))


def shape_text(sizes: list[int]) -> str:
    """A shape as text, such as `[3, 4]`."""
    return f"[{', '.join(map(str, sizes))}]"


def list_text(places: list[int]) -> str:
    """Places as text, such as `(0, 2, 1)`; a single one without brackets."""
    return str(places[0]) if len(places) == 1 else f"({', '.join(map(str, places))})"
