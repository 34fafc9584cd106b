"""Generated kernel text is checked against a short list of what it may say, before it is run.

The text comes from the compiler, and what the compiler reads may come from anyone: so nothing in
the text is trusted.  It may have the formulas that the kernel calls (`verify_definition.py`), and
then one function of five arguments.  In that function may stand loops over `range` and `narrow` (a
range of few vectors, which are masked), arithmetic on local names, and calls of the scalar
functions and of those formulas.  There are no attributes, no imports and no strings: without them
no Python object but the listed ones can be reached.

The same pass over the tree moves every `geometry[3]` to the head of the function.  Inside a loop,
LLVM would have to read it again after each store, and could not make vectors of the loop.
"""

from __future__ import annotations

import ast
import re

from gradc_runtime.cpu.codegen.verify_definition import SourceError, check_definition, refuse

ARGUMENTS = ["pointers", "geometry", "begin", "end", "first"]
FUNCTIONS = frozenset(
    (
        *("reals", "indices", "real", "index", "range", "narrow", "select", "step", "max", "min"),
        *("maximum", "minimum", "abs_", "floor", "sqrt", "pow_", "exp", "expm1", "log", "log1p"),
        *("tanh", "sigmoid", "erf", "sin", "cos", "philox_uniform", "philox_normal"),
        *("rows", "spread", "after", "below", "gather", "scatter", "folded", "totals"),
        *("plus", "times", "mean", "lost", "quotient", "rest", "wide", "to_bfloat", "to_tfloat"),
    )
)
RESERVED = FUNCTIONS | {*ARGUMENTS}
LOCAL = re.compile(r"[a-z]{1,4}\d+")
KERNEL = re.compile(r"[a-z][a-z0-9_]*\d+")
ALLOWED = (
    ast.For,
    ast.If,
    ast.IfExp,
    ast.Assign,
    ast.AugAssign,
    ast.Expr,
    ast.Pass,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.BoolOp,
    ast.Call,
    ast.Subscript,
    ast.Name,
    ast.Constant,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.boolop,
    ast.expr_context,
)


def check_call(node: ast.Call, functions: frozenset[str]) -> None:
    """Only listed functions, by name, with plain arguments."""
    if not (isinstance(node.func, ast.Name) and node.func.id in functions) or node.keywords:
        refuse(node, f"may not call {ast.unparse(node.func)}")


def check_name(node: ast.Name, functions: frozenset[str]) -> None:
    """Arguments, numbered locals and listed functions; only locals are assigned."""
    known = node.id in ARGUMENTS or node.id in functions
    if not known and not LOCAL.fullmatch(node.id):
        refuse(node, f"unknown name {node.id}")
    if known and not isinstance(node.ctx, ast.Load):
        refuse(node, f"may not assign {node.id}")


def check_node(node: ast.AST, functions: frozenset[str]) -> None:
    """Refuse one node of the tree, or let it pass."""
    if not isinstance(node, ALLOWED):
        refuse(node, f"{type(node).__name__} is not allowed")
    match node:
        case ast.Call():
            check_call(node, functions)
        case ast.Name():
            check_name(node, functions)
        case ast.Constant() if type(node.value) not in (int, float, bool):
            refuse(node, f"a {type(node.value).__name__} is not allowed")
        case ast.For() if node.orelse:
            refuse(node, "a loop has no else")


class Hoist(ast.NodeTransformer):
    """Replace `geometry[n]` by a local that is set at the head of the function."""

    def __init__(self) -> None:
        self.used: set[int] = set()

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """geometry[3] becomes geometry_3; everything else stays."""
        if isinstance(node.value, ast.Name) and node.value.id == "geometry":
            if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)):
                refuse(node, "geometry is read with a literal number")
            number = node.slice.value  # type: ignore[attr-defined]
            self.used.add(number)
            return ast.copy_location(ast.Name(f"geometry_{number}", node.ctx), node)
        return self.generic_visit(node)

    def head(self) -> list[ast.stmt]:
        """The assignments that the function begins with."""
        return [ast.parse(f"geometry_{n} = geometry[{n}]").body[0] for n in sorted(self.used)]


def checked_kernel(text: str) -> tuple[ast.FunctionDef, list[ast.FunctionDef]]:
    """The kernel's tree, ready to translate, and the formulas it calls; raises `SourceError`."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise SourceError(f"kernel text does not parse: {error}") from error
    *definitions, function = tree.body or [ast.Pass()]
    if not isinstance(function, ast.FunctionDef):
        raise SourceError("kernel text ends with a function")
    formulas = [check_definition(definition, RESERVED) for definition in definitions]
    functions = FUNCTIONS | {formula.name for formula in formulas}
    plain = ast.unparse(function.args) == ", ".join(ARGUMENTS) and not function.decorator_list
    if not plain or function.returns or not KERNEL.fullmatch(function.name):
        refuse(function, f"the head must be `def k1({', '.join(ARGUMENTS)}):`")
    for statement in function.body:
        for node in ast.walk(statement):
            check_node(node, functions)
    hoist = Hoist()
    body = [hoist.visit(statement) for statement in function.body]
    function.body = hoist.head() + body
    return ast.fix_missing_locations(function), formulas
