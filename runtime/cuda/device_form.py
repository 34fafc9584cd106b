"""Kernels as a GPU runs them: what is the same for all threads comes as parameters.

The text of a kernel speaks of `table[at + 3]`, of the rows [begin, begin + count), and of `total`
pieces of work.  On a GPU these come in one of three ways:

* a *plain* kernel has each number of its table as a parameter, which all threads read from the
  constant bank of the launch (`parameters`);
* several plain kernels in one launch read theirs from a table in memory: side by side
  (`segments`), or along rows, where a block of threads goes through all of them for a row before
  it takes the next (`along_rows`);
* a kernel in tiles reads a table in memory, some numbers again and again to save registers.

Where rows vary from batch to batch, a kernel reads them at a place of memory, its *slot*.  Whole
numbers that count pieces of work are below 2^32, and are divided as such.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import deepcopy

from gradc_compiler.machine.machine import MACHINE

HEADER = 5  # numbers of a segment before its table: begin, count, pieces, each, slot
FIXED = ["words", "numbers", "begin", "count", "pieces", "each", "slot"]
ROWS = """
live = 1
if slot:
    begin = numbers[slot]
    count = numbers[slot + 1]
    live = numbers[slot + 2]
total = pieces
if each:
    total = pieces * count
"""
SEGMENT = f"""
for part{{k}} in range(times{{k}}):
    at = first{{k}} + part{{k}} * {{width}} + {HEADER}
    begin, count, pieces = table[at - 5], table[at - 4], table[at - 3]
    each, slot = table[at - 2], table[at - 1]
"""


ROW = f"""
at = first{{k}} + {HEADER}
begin, count, total = row, 1, table[at - 3]
"""
ROW_THREADS = MACHINE.gpu_row_threads  # of a block that goes along rows


class _Parameters(ast.NodeTransformer):
    """`table[at + 3]` becomes `p3`."""

    def __init__(self) -> None:
        self.most = -1

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """A number of the table, if it is one that the text names."""
        self.generic_visit(node)
        if not (isinstance(node.value, ast.Name) and node.value.id == "table"):
            return node
        number = place_in_table(node.slice)
        if number is None:
            return node
        self.most = max(self.most, number)
        return ast.copy_location(ast.Name(f"p{number}", ast.Load()), node)


def place_in_table(index: ast.expr) -> int | None:
    """The number k of `at + k`, or of `at`."""
    match index:
        case ast.Name(id="at"):
            return 0
        case ast.BinOp(ast.Name(id="at"), ast.Add(), ast.Constant(value=int(number))):
            return number
    return None


class _Unsigned(ast.NodeTransformer):
    """Quotients and remainders of pieces of work, in 32 bits; and no division by the number of
    threads, which Numba makes of a range.
    """

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.AST]:
        """`for t0 in range(thread(), total, threads())`, as a loop that counts by itself."""
        self.generic_visit(node)
        match node.iter:
            case ast.Call(
                ast.Name(id="range"), [ast.Call(ast.Name(id="thread")) as first, last, step]
            ) if isinstance(node.target, ast.Name):
                count = node.target.id
            case _:
                return node
        begin = ast.Assign([ast.Name(count, ast.Store())], first)
        more = ast.Compare(ast.Name(count, ast.Load()), [ast.Lt()], [last])
        on = ast.AugAssign(ast.Name(count, ast.Store()), ast.Add(), step)
        loop = ast.While(more, [*node.body, on], [])
        return [ast.copy_location(part, node) for part in (begin, loop)]

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """`t0 // g0` becomes `ratio(t0, g0)`, and `t0 % g0` becomes `t0 - ratio(t0, g0) * g0`."""
        self.generic_visit(node)
        if not (isinstance(node.left, ast.Name) and node.left.id[0] == "t"):
            return node
        if not isinstance(node.op, ast.FloorDiv | ast.Mod):
            return node
        ratio: ast.expr = ast.Call(ast.Name("ratio", ast.Load()), [node.left, node.right], [])
        if isinstance(node.op, ast.Mod):
            whole = ast.BinOp(ratio, ast.Mult(), deepcopy(node.right))
            ratio = ast.BinOp(node.left, ast.Sub(), whole)
        return ast.copy_location(ratio, node)


def unsigned(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements whose pieces of work are counted and divided in 32 bits."""
    changed: ast.Module = _Unsigned().visit(ast.Module(body, []))
    return changed.body


def statements(text: str) -> list[ast.stmt]:
    """The statements of a text."""
    return ast.parse(text).body


def function(name: str, arguments: Sequence[str], body: list[ast.stmt]) -> ast.FunctionDef:
    """A function of these arguments."""
    made = ast.parse(f"def {name}({', '.join(arguments)}):\n    pass").body[0]
    assert isinstance(made, ast.FunctionDef), "it was written as one"
    made.body = body
    return ast.fix_missing_locations(made)


def by_parameters(kernel: ast.FunctionDef) -> bool:
    """Whether a kernel reads its table only at places that the text names."""
    named = {
        id(node)
        for part in ast.walk(kernel)
        if isinstance(part, ast.Subscript) and place_in_table(part.slice) is not None
        for node in (part.value, *ast.walk(part.slice))
    }
    names = (node for node in ast.walk(kernel) if isinstance(node, ast.Name))
    return all(id(node) in named for node in names if node.id in ("table", "at"))


def parameters_of(kernel: ast.FunctionDef) -> int:
    """How many numbers a kernel reads of its table, as far as the text names them."""
    reading = _Parameters()
    for statement in deepcopy(kernel.body):
        reading.visit(statement)
    return reading.most + 1


def alone(kernel: ast.FunctionDef) -> ast.FunctionDef:
    """A kernel that is launched by itself."""
    plain, reading, body = by_parameters(kernel), _Parameters(), deepcopy(kernel.body)
    if plain:
        body = unsigned([reading.visit(statement) for statement in body])
    own = [f"p{k}" for k in range(reading.most + 1)] if plain else ["table", "at"]
    live = ast.If(ast.Name("live", ast.Load()), body, [])
    return function(kernel.name, [*FIXED, *own], [*statements(ROWS), live])


def segments(kernels: Sequence[tuple[ast.FunctionDef, int]]) -> ast.FunctionDef:
    """Plain kernels in one launch, each for as many segments of the table as its parameters say; a
    segment has a header and so many numbers.
    """
    body: list[ast.stmt] = []
    for k, (kernel, width) in enumerate(kernels):
        loop = statements(SEGMENT.format(k=k, width=width + HEADER))[0]
        assert isinstance(loop, ast.For), "a segment is a loop"
        own = unsigned(deepcopy(kernel.body))
        loop.body += [*statements(ROWS), ast.If(ast.Name("live", ast.Load()), own, [])]
        body.append(loop)
    pairs = [name for k in range(len(kernels)) for name in (f"first{k}", f"times{k}")]
    return function("k0", ["words", "numbers", "table", *pairs], body)


class _OfBlock(ast.NodeTransformer):
    """The threads of a block share a row's work."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`thread()` becomes `lane()`, and `threads()` their number."""
        self.generic_visit(node)
        match node.func:
            case ast.Name(id="thread"):
                return ast.copy_location(ast.Call(ast.Name("lane", ast.Load()), [], []), node)
            case ast.Name(id="threads"):
                return ast.copy_location(ast.Constant(ROW_THREADS), node)
        return node


def along_rows(kernels: Sequence[ast.FunctionDef]) -> ast.FunctionDef:
    """Plain kernels in order, for one row after another; of each the parameters say where its
    segment of the table is.
    """
    (loop,) = statements("for row in range(block(), rows, blocks()):\n    pass")
    assert isinstance(loop, ast.For), "rows are a loop"
    loop.body = []
    for k, kernel in enumerate(kernels):
        own = unsigned(deepcopy(kernel.body))
        own = [_OfBlock().visit(statement) for statement in own]
        loop.body += [*statements(ROW.format(k=k)), *own, *statements("barrier()")]
    firsts = [f"first{k}" for k in range(len(kernels))]
    return function("k0", ["words", "numbers", "table", "rows", *firsts], [loop])
