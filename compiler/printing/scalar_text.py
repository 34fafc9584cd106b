"""Expressions and statements as text of the kernel language, which both targets share."""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, Leaf, Scalar, ScalarConstant, Statement
from gradc_compiler.ops.formula import literal

TIGHTNESS = {"<": 0, "<=": 0, ">": 0, ">=": 0, "==": 0, "!=": 0, "+": 2, "-": 2, "*": 3, "/": 3}
OF_SIGN = 4  # how tight a sign before one operand binds
NO_NAMES: Mapping[Leaf, str] = {}


def statement_text(statement: Statement) -> str:
    """`v3 = v1 * v2`."""
    return f"{statement.target} = {scalar_text(statement.value)}"


def scalar_text(value: Scalar, names: Mapping[Leaf, str] = NO_NAMES) -> str:
    """An expression; `names` are what some of its variables and counters are called there."""
    return _text(value, names)[0]


def _text(value: Scalar, names: Mapping[Leaf, str]) -> tuple[str, int]:
    """The text, and how tightly its outermost sign binds."""
    match value:
        case ScalarConstant(number, Kind.INDEX):
            return str(number), OF_SIGN + 1
        case ScalarConstant(number):
            return f"real({literal(number)})", OF_SIGN + 1
        case Apply(op, (a, b)) if op in TIGHTNESS:
            tight = TIGHTNESS[op]
            left, right = _inside(a, tight, names), _inside(b, tight + 1, names)
            return f"{left} {op} {right}", tight
        case Apply("-", (a,)):
            return f"-{_inside(a, OF_SIGN, names)}", OF_SIGN
        case Apply(op, args):
            return f"{op}({', '.join(scalar_text(arg, names) for arg in args)})", OF_SIGN + 1
        case leaf:
            return names.get(leaf, str(leaf)), OF_SIGN + 1


def _inside(value: Scalar, tight: int, names: Mapping[Leaf, str]) -> str:
    """An operand, in brackets if its sign does not bind so tightly."""
    text, own = _text(value, names)
    return text if own >= tight else f"({text})"
