"""Operators' scalar text as expressions: what a row of `compiler/ops/elementwise.py` means.

A row writes its text with the signs and functions of the kernel language, and with {0}, {1}, {2}
for its operands.  The text is read once; every node of the operator then puts its own operands into
the expression.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, Leaf, Scalar, ScalarConstant, Variable

OPERANDS = tuple(Variable(Kind.REAL, k) for k in range(3))  # they stand for a row's operands
NAMES = {str(operand): operand for operand in OPERANDS}
SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.USub: "-",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def applied(text: str, operands: Sequence[Scalar]) -> Scalar:
    """A row's scalar text with operands in the places of {0}, {1}, {2}."""
    places = dict(zip(OPERANDS, operands, strict=False))
    return replace_leaves(scalar_form(text), lambda leaf: places[leaf])  # type: ignore[index]


@cache
def scalar_form(text: str) -> Scalar:
    """The text as an expression of `OPERANDS`."""
    return _expression(ast.parse(text.format(*OPERANDS), mode="eval").body)


def replace_leaves(value: Scalar, new: Callable[[Leaf], Scalar]) -> Scalar:
    """The same expression, with each variable, counter and argument replaced."""
    match value:
        case Apply(op, args):
            return Apply(op, tuple(replace_leaves(arg, new) for arg in args))
        case ScalarConstant():
            return value
        case leaf:
            return new(leaf)


def renamed(value: Scalar, names: Mapping[Leaf, Scalar]) -> Scalar:
    """An expression of a nest, with its variables and counters replaced by what they stand for."""
    return replace_leaves(value, lambda leaf: names.get(leaf, leaf))


def whole_number(number: int) -> ScalarConstant:
    """A whole number that is known now."""
    return ScalarConstant(number, Kind.INDEX)


def leaves(value: Scalar) -> Iterator[Leaf]:
    """The variables, counters and arguments that an expression reads, from left to right."""
    match value:
        case Apply(_, args):
            for arg in args:
                yield from leaves(arg)
        case ScalarConstant():
            return
        case leaf:
            yield leaf


def functions(value: Scalar) -> Iterator[str]:
    """The signs and functions that an expression applies."""
    if isinstance(value, Apply):
        yield value.op
        for arg in value.args:
            yield from functions(arg)


def _expression(tree: ast.expr) -> Scalar:
    match tree:
        case ast.Name(id=name) if name in NAMES:
            return NAMES[name]
        case ast.Constant(value=int(number)):
            return ScalarConstant(number, Kind.INDEX)
        case ast.Call(func=ast.Name(id="real"), args=[number]) if _is_number(number):
            return ScalarConstant(ast.literal_eval(number), Kind.REAL)
        case ast.Call(func=ast.Name(id=name), args=args):
            return Apply(name, tuple(map(_expression, args)))
        case ast.BinOp(left=a, op=sign, right=b) if type(sign) in SIGNS:
            return Apply(SIGNS[type(sign)], (_expression(a), _expression(b)))
        case ast.UnaryOp(op=sign, operand=a) if type(sign) in SIGNS:
            return Apply(SIGNS[type(sign)], (_expression(a),))
        case ast.Compare(left=a, ops=[sign], comparators=[b]) if type(sign) in SIGNS:
            return Apply(SIGNS[type(sign)], (_expression(a), _expression(b)))
    raise AssertionError(f"{ast.unparse(tree)} is no scalar text")


def _is_number(tree: ast.expr) -> bool:
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.USub) and _is_number(tree.operand)
    return isinstance(tree, ast.Constant)
