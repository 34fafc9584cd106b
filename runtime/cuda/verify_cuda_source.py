"""CUDA kernel text becomes a function, if it says only what such text may say.

Arithmetic on real numbers becomes calls of functions that round once: written with signs, a product
and the sum after it would be fused by NVVM, which has no word for leaving them apart.  `plus` and
`times`, of which the compiler makes sums of products, may be.

As on the CPU nothing in the text is trusted: a function of seven arguments, after the formulas that
it calls; loops, arithmetic on numbered locals, and calls of listed functions and formulas.  It is
filed in `linecache`, so that a traceback shows its lines.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from gradc_runtime.cpu.codegen.verify_definition import SourceError, check_definition, refuse
from gradc_runtime.cpu.codegen.verify_source import ALLOWED, LOCAL
from gradc_runtime.cpu.codegen.verify_source import FUNCTIONS as CPU_FUNCTIONS
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.cuda_math import names

ARGUMENTS = ["words", "numbers", "table", "at", "begin", "count", "total"]
FUNCTIONS = (CPU_FUNCTIONS - {"reals", "indices"}) | {"thread", "threads"}


def check(node: ast.AST, functions: frozenset[str]) -> None:
    """Refuse what kernel text may not say."""
    if not isinstance(node, ALLOWED):
        refuse(node, f"{type(node).__name__} is not allowed")
    match node:
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in functions:
            pass
        case ast.Call():
            refuse(node, f"may not call {ast.unparse(node.func)}")
        case ast.Name(id=name, ctx=ast.Load()) if name in functions or name in ARGUMENTS:
            pass
        case ast.Name(id=name) if name != "first" and not LOCAL.fullmatch(name):
            refuse(node, f"unknown name {name}")
        case ast.Constant() if type(node.value) not in (int, float, bool):
            refuse(node, f"a {type(node.value).__name__} is not allowed")


REAL_NAMES, WHOLE_FUNCTIONS = ("v", "r"), ("index", "min", "max", "thread", "threads")
SIGNS = {ast.Add: "added", ast.Sub: "subtracted", ast.Mult: "multiplied"}
RESERVED = FUNCTIONS | {*ARGUMENTS, *SIGNS.values()}


def is_real(node: ast.expr) -> bool:
    """Whether an expression of kernel text is a real number, by the names in it."""
    match node:
        case ast.Name(id=name):
            return name.startswith(REAL_NAMES)
        case ast.Call(func=ast.Name(id=name)):
            return name not in WHOLE_FUNCTIONS
        case ast.Subscript(value=ast.Name(id=name)):
            return name == "words"
        case ast.UnaryOp(operand=operand):
            return is_real(operand)
        case ast.BinOp(left=left, right=right):
            return is_real(left) or is_real(right)
    return False


class Unfused(ast.NodeTransformer):
    """Sums, differences and products of real numbers, each rounded on its own."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """v0 * v1 becomes multiplied(v0, v1); a quotient is a division as it stands."""
        real = is_real(node)
        self.generic_visit(node)
        if not real or type(node.op) not in SIGNS:
            return node
        function = ast.Name(SIGNS[type(node.op)], ast.Load())
        return ast.copy_location(ast.Call(function, [node.left, node.right], []), node)


def function_of(text: str, word: int) -> Callable[..., None]:
    """The kernel as a Python function; raises `SourceError`."""
    tree = ast.parse(text)
    match tree.body:
        case [*definitions, ast.FunctionDef(name="k0", decorator_list=[], returns=None) as kernel]:
            given = ast.unparse(kernel.args)
        case _:
            raise SourceError("kernel text ends with a function, k0")
    if given != ", ".join(ARGUMENTS):
        refuse(kernel, f"the head must be `def k0({', '.join(ARGUMENTS)}):`")
    formulas = [check_definition(definition, RESERVED) for definition in definitions]
    functions = FUNCTIONS | {formula.name for formula in formulas}
    for statement in kernel.body:
        for node in ast.walk(statement):
            check(node, functions)
    file = f"<cuda kernel {sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exact = [ast.fix_missing_locations(Unfused().visit(part)) for part in tree.body]
    own = loaded(exact[:-1], file, 8)
    inner = {formula.name: shim.device(own[formula.name]) for formula in formulas}
    made: Callable[..., None] = loaded(exact[-1:], file, word, **inner)["k0"]
    return made


def loaded(parts: list[ast.stmt], file: str, word: int, **inner: Any) -> dict[str, Any]:
    """Functions of which `check` has let pass every word, over numbers of so many bytes."""
    space = {**names(word), **inner}
    exec(compile(ast.Module(parts, []), file, "exec"), space)
    return space
