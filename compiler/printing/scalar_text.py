"""Expressions and statements as text of the kernel language, which both targets share."""

from __future__ import annotations

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, Scalar, ScalarConstant, Statement
from gradc_compiler.ops.formula import literal

LOOSEST, BESIDE, SUM, PRODUCT, OF_SIGN, WHOLE = range(6)  # how tightly an outermost sign binds
TIGHTNESS = dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), LOOSEST) | {
    "|": BESIDE,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
}


def statement_text(statement: Statement) -> str:
    """`v3 = v1 * v2`."""
    return f"{statement.target} = {scalar_text(statement.value)}"


def scalar_text(value: Scalar) -> str:
    """An expression, with brackets only where they are needed."""
    return _text(value)[0]


def _text(value: Scalar) -> tuple[str, int]:
    """The text, and how tightly its outermost sign binds."""
    match value:
        case ScalarConstant(number, Kind.INDEX):
            return str(number), WHOLE
        case ScalarConstant(number):
            return f"real({literal(number)})", WHOLE
        case Apply(op, (a, b)) if op in TIGHTNESS:
            tight = TIGHTNESS[op]
            return f"{_inside(a, tight)} {op} {_inside(b, tight + 1)}", tight
        case Apply("-", (a,)):
            return f"-{_inside(a, OF_SIGN)}", OF_SIGN
        case Apply(op, args):
            return f"{op}({', '.join(map(scalar_text, args))})", WHOLE
        case leaf:
            return str(leaf), WHOLE


def _inside(value: Scalar, tight: int) -> str:
    """An operand, in brackets if its sign does not bind so tightly."""
    text, own = _text(value)
    return text if own >= tight else f"({text})"
