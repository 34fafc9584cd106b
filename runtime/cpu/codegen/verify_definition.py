"""Checks the functions that a generated kernel defines ahead of its own text.

Such a function is a formula of numbers (`compiler/ops/formula.py`): operands v0, v1, ..., one
assignment after another, the result at the end; no loops, no memory.  It may call the elementary
functions, but no other formula.  Like the kernel itself it is made from what a stranger may have
written, so it is not trusted.
"""

from __future__ import annotations

import ast
import re

ELEMENTARY = frozenset(("select", "abs_", "floor", "pow_", "exp", "log", "sin", "cos"))
VARIABLE = re.compile(r"v\d+")
NAME = re.compile(r"[a-z][a-z_]*")
PARTS = (
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.expr_context,
)


class SourceError(ValueError):
    """Kernel text says something that it may not."""


def refuse(node: ast.AST, reason: str) -> None:
    """Name the line and what is wrong with it.

    Raises `SourceError`.
    """
    raise SourceError(f"kernel text, line {getattr(node, 'lineno', 0)}: {reason}")


def check_definition(function: ast.stmt, reserved: frozenset[str]) -> ast.FunctionDef:
    """The function, if it is a plain formula with a name that is not `reserved`.

    Raises `SourceError`.
    """
    if not isinstance(function, ast.FunctionDef):
        raise SourceError("kernel text is functions alone")
    operands = ", ".join(f"v{k}" for k in range(len(function.args.args)))
    plain = ast.unparse(function.args) == operands and operands and not function.decorator_list
    free = NAME.fullmatch(function.name) and function.name not in reserved
    if not plain or function.returns or not free:
        refuse(function, f"`{function.name}` may not be defined so")
    *steps, end = function.body
    for step in steps:
        if not isinstance(step, ast.Assign) or not all(
            isinstance(t, ast.Name) for t in step.targets
        ):
            refuse(step, "a formula is assignments")
    if not isinstance(end, ast.Return) or end.value is None:
        refuse(end, "a formula ends with its result")
    for statement in function.body:
        for node in ast.walk(statement):
            check_part(node)
    return function


def check_part(node: ast.AST) -> None:
    """Refuse anything but arithmetic on variables."""
    match node:
        case ast.Assign() | ast.Return():
            pass
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in ELEMENTARY:
            pass
        case ast.Call():
            refuse(node, f"may not call {ast.unparse(node.func)}")
        case ast.Name(id=name, ctx=ast.Load()) if name in ELEMENTARY:
            pass
        case ast.Name(id=name):
            if not VARIABLE.fullmatch(name):
                refuse(node, f"unknown name {name}")
        case ast.Constant():
            if type(node.value) not in (int, float):
                refuse(node, f"a {type(node.value).__name__} is not allowed")
        case _ if not isinstance(node, PARTS):
            refuse(node, f"{type(node).__name__} is not allowed")
