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
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, TypeGuard

from gradc_runtime.cpu.codegen.verify_definition import SourceError, check_definition, refuse
from gradc_runtime.cpu.codegen.verify_source import ALLOWED, LOCAL
from gradc_runtime.cpu.codegen.verify_source import FUNCTIONS as CPU_FUNCTIONS
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.cuda_math import names
from gradc_runtime.cuda.device_form import ROW_THREADS, alone, along_rows, segments

KERNEL = re.compile(r"k\d+")
ARGUMENTS = ["words", "numbers", "table", "at", "begin", "count", "total"]
WARP_PRODUCTS = ("tf32_products", "bf16_products")  # which the threads of a warp make together
TILES = frozenset(
    (
        *(
            "shared",
            "places",
            "zeros",
            "products",
            "row_products",
            "joined",
            *WARP_PRODUCTS,
            "keep",
            "keep_fragments",
            "start",
            "copy",
            "copy4",
            "inside",
            "copies_arrive",
            "barrier",
            "all_blocks",
            "again",
            "resident",
        ),
        *("lane", "block", "blocks", "below", "whole", "near", "unsigned", "ratio", "divided"),
    )
)
ACROSS = "across"  # gives a real number: what another thread of the warp has
FUNCTIONS = (CPU_FUNCTIONS - {"reals", "indices"}) | {"thread", "threads", ACROSS} | TILES


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


REAL_NAMES, WHOLE_FUNCTIONS = ("v", "r"), {"index", "min", "max", "thread", "threads"} | TILES
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


def resident_in(kernel: ast.FunctionDef) -> int:
    """The number in a kernel's first statement, `resident(3)`, which is taken out; else 0."""
    match kernel.body[0]:
        case ast.Expr(ast.Call(ast.Name(shim.RESIDENT), [ast.Constant(value=int(number))])):
            kernel.body.pop(0)
            return number
    return 0


class Paused(ast.NodeTransformer):
    """In the simulator a thread pauses at a barrier, and where its warp multiplies
    (`simulated_block.py`).
    """

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """`barrier()` becomes `yield`, and `all_blocks(...)` becomes `yield all_blocks(...)`."""
        match node.value:
            case ast.Call(func=ast.Name(id="barrier")):
                return ast.copy_location(ast.Expr(ast.Yield()), node)
            case ast.Call(func=ast.Name(id="all_blocks")):
                return ast.copy_location(ast.Expr(ast.Yield(node.value)), node)
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`across(r0, 16)` becomes `taken(offer(r0), 16, (yield True))`: all show, then look; and
        `tf32_products(...)` becomes `made_by_warp(offer(tf32_products(...)), (yield True))`.
        """
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="across"), args=[value, distance]):
                return self._in_turn(node, "taken", value, distance)
            case ast.Call(func=ast.Name(id=name)) if name in WARP_PRODUCTS:
                return self._in_turn(node, "made_by_warp", node)
        return node

    def _in_turn(self, node: ast.Call, name: str, value: ast.expr, *others: ast.expr) -> ast.AST:
        """Look at what all threads of a warp show."""
        shown = ast.Call(ast.Name("offer", ast.Load()), [value], [])
        pause = ast.Yield(ast.Constant(True))
        looked = ast.Call(ast.Name(name, ast.Load()), [shown, *others, pause], [])
        return ast.copy_location(looked, node)


def functions_of(text: str, word: int) -> list[Callable[..., None]]:
    """The kernels of a text as Python functions, in the order in which they are launched.

    Raises `SourceError`.
    """
    formulas, kernels = checked(ast.parse(text))
    resident = [resident_in(kernel) for kernel in kernels]
    file = f"<cuda kernel {sha256(text.encode()).hexdigest()[:12]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    own = loaded(rewritten(formulas), file, 8)
    inner = {formula.name: shim.device(own[formula.name]) for formula in formulas}
    parts = rewritten(kernels)
    if not shim.SIMULATED:
        parts = [alone(part) for part in parts if isinstance(part, ast.FunctionDef)]
    made = loaded(parts, file, word, **inner)
    for kernel, blocks in zip(kernels, resident, strict=True):
        setattr(made[kernel.name], shim.RESIDENT, blocks)
    return [made[kernel.name] for kernel in kernels]


def checked(tree: ast.Module) -> tuple[list[ast.FunctionDef], list[ast.FunctionDef]]:
    """The formulas and the kernels of a text, all of which says what it may.

    Raises `SourceError`.
    """
    kernels = [part for part in tree.body if is_kernel(part)]
    if not kernels or [kernel.name for kernel in kernels] != [f"k{k}" for k in range(len(kernels))]:
        raise SourceError("kernel text ends with a function, k0, or with several: k0, k1, ...")
    definitions = tree.body[: len(tree.body) - len(kernels)]
    formulas = [check_definition(definition, RESERVED) for definition in definitions]
    functions = FUNCTIONS | {formula.name for formula in formulas}
    for kernel in kernels:
        check_kernel(kernel, functions)
    return formulas, kernels


def rewritten(parts: Sequence[ast.FunctionDef]) -> list[ast.stmt]:
    """Functions as they are run: each operation rounded, and in the simulator with its pauses."""
    exact = [Unfused().visit(part) for part in parts]
    exact = [Paused().visit(part) for part in exact] if shim.SIMULATED else exact
    return [ast.fix_missing_locations(part) for part in exact]


def joined_of(
    kernels: Sequence[tuple[str, int, int]], word: int, *, rows: bool
) -> Callable[..., None]:
    """Several plain kernels as one, side by side or along rows: of each its text, its number there,
    and the numbers of a segment of the table.

    Raises `SourceError`.
    """
    parts: list[tuple[ast.FunctionDef, int]] = []
    own: dict[str, Any] = {}
    for source, number, width in kernels:
        formulas, found = checked(ast.parse(source))
        made = loaded(rewritten(formulas), "<cuda formulas>", 8)
        own |= {formula.name: shim.device(made[formula.name]) for formula in formulas}
        resident_in(found[number])  # of a kernel alone
        (kernel,) = rewritten([found[number]])
        assert isinstance(kernel, ast.FunctionDef), "a kernel stays a function"
        parts.append((kernel, width))
    file = f"<cuda kernels {sha256(repr(kernels).encode()).hexdigest()[:12]}>"
    whole = along_rows([kernel for kernel, _ in parts]) if rows else segments(parts)
    function: Callable[..., None] = loaded([whole], file, word, **own)["k0"]
    setattr(function, shim.BLOCK, ROW_THREADS if rows else shim.THREADS)
    return function


def is_kernel(part: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    """Whether a part of a text is a kernel, and no formula."""
    return isinstance(part, ast.FunctionDef) and bool(KERNEL.fullmatch(part.name))


def check_kernel(kernel: ast.FunctionDef, functions: frozenset[str]) -> None:
    """Refuse a kernel with another head, or that says what it may not."""
    plain = not kernel.decorator_list and kernel.returns is None
    if ast.unparse(kernel.args) != ", ".join(ARGUMENTS) or not plain:
        refuse(kernel, f"the head must be `def k0({', '.join(ARGUMENTS)}):`")
    for statement in kernel.body:
        for node in ast.walk(statement):
            check(node, functions)


def loaded(parts: list[ast.stmt], file: str, word: int, **inner: Any) -> dict[str, Any]:
    """Functions of which `check` has let pass every word, over numbers of so many bytes."""
    space = {**names(word), **inner}
    exec(compile(ast.Module(parts, []), file, "exec"), space)
    return space
