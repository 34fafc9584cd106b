"""Expressions of nests as text, with brackets only where they are needed.

A language says what its signs are and how tightly they bind, how it writes numbers, conversions and
choices, and which functions it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, Scalar, ScalarConstant
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.records.fast_dataclass import dataclass

Text = tuple[str, int]  # a text, and how tightly its outermost sign binds
CHOICE, EITHER, EQUAL, LESS, SUM, PRODUCT, OF_SIGN, WHOLE = range(8)
SIGNS = {
    "|": ("||", EITHER),
    "==": ("==", EQUAL),
    "!=": ("!=", EQUAL),
    "<": ("<", LESS),
    "<=": ("<=", LESS),
    ">": (">", LESS),
    ">=": (">=", LESS),
    "+": ("+", SUM),
    "plus": ("+", SUM),
    "-": ("-", SUM),
    "*": ("*", PRODUCT),
    "times": ("*", PRODUCT),
    "/": ("/", PRODUCT),
}


class NotPrinted(Exception):
    """Something that has no text in a language yet; the message says what."""


@dataclass(frozen=True, slots=True)
class ScalarWriter:
    """Prints expressions for numbers of a width."""

    word: int  # bytes

    signs: ClassVar[Mapping[str, tuple[str, int]]] = SIGNS
    conversion: ClassVar[int] = OF_SIGN  # how tightly `(float)x` binds

    @property
    def real(self) -> str:
        """The type of a number."""
        raise NotImplementedError

    def literal(self, number: float) -> str:
        """A number as a literal."""
        raise NotImplementedError

    def converted(self, kind: str, value: Text) -> str:
        """A value as `real`, `wide` or `index`."""
        raise NotImplementedError

    def choice(self, chosen: str, a: str, b: str) -> str:
        """a where `chosen` holds, else b."""
        raise NotImplementedError

    def called(self, op: str, given: Sequence[str]) -> Text:
        """The call of a function; raises `NotPrinted` for one that the language lacks."""
        raise NotImplementedError

    def text(self, value: Scalar, names: Mapping[Scalar, Text]) -> Text:
        """An expression, with brackets only where they are needed."""
        match value:
            case ScalarConstant(number, Kind.INDEX):
                return str(number), WHOLE if number >= 0 else OF_SIGN
            case ScalarConstant(number):
                return self.literal(number), WHOLE if number >= 0 else OF_SIGN
            case Apply(op, (a, b)) if op in self.signs:
                sign, tight = self.signs[op]
                chained = tight in (EQUAL, LESS)  # a < b < c says something else, or nothing
                left = self._inside(a, names, tight + chained)
                right = self._inside(b, names, tight + 1)
                return f"{left} {sign} {right}", tight
            case Apply("-", (a,)):
                return f"-{self._inside(a, names, WHOLE)}", OF_SIGN
            case Apply(op, args):
                return self._applied(op, args, names)
            case leaf:
                return names[leaf]

    def _inside(self, value: Scalar, names: Mapping[Scalar, Text], tight: int) -> str:
        return within(self.text(value, names), tight)

    def _applied(self, op: str, args: tuple[Scalar, ...], names: Mapping[Scalar, Text]) -> Text:
        """The text of a function call, a conversion or a choice."""
        if op in ("real", "wide", "index"):
            return self.converted(op, self.text(args[0], names)), self.conversion
        if op == "select":
            chosen, a, b = (self._inside(arg, names, EITHER) for arg in args)
            return self.choice(chosen, a, b), CHOICE
        if op == "step":
            chosen = self._inside(args[0], names, EITHER)
            return self.choice(chosen, self.literal(1.0), self.literal(0.0)), CHOICE
        return self.called(op, [self.text(arg, names)[0] for arg in args])


def within(text: Text, tight: int) -> str:
    """An operand, in brackets where its sign does not bind so tightly."""
    return text[0] if text[1] >= tight else f"({text[0]})"


def formula_of(name: str) -> str | None:
    """The text of an operator that is a formula (`compiler/ops/formula.py`)."""
    op = OPS.get(name)
    return op.definition if op is not None and issubclass(op, Elementwise) else None


def is_of_library(name: str) -> bool:
    """Whether an operator is a function of one number that libraries call so too."""
    op = OPS.get(name)
    if op is None or not issubclass(op, Elementwise):
        return False
    return op.text == f"{name}({{0}})" and not op.definition
