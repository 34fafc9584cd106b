"""What the grammar cannot say about a tree: how deep it is, and where a body's value stands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from gradc_compiler.diagnostics.source import Diagnostic, Label, Span
from gradc_compiler.syntax.grammar import tree

MAX_DEPTH = 200
OPERATORS = (
    tree.Call,
    tree.Index,
    tree.Attribute,
    tree.Unary,
    tree.Binary,
    tree.Conditional,
    tree.TupleOf,
    tree.Shape,
    tree.ContractExpr,
    tree.Pipe,
    tree.Claim,
    tree.SeqType,
    tree.TupleType,
    tree.Step,
)

REAL, LABEL = (
    "`scalar`, or `[4]` for four of them",
    "`class(10)` for a label, `scalar` for a number",
)
OF_NUMBERS = {
    **dict.fromkeys(("float", "float16", "float32", "float64", "double", "half", "real"), REAL),
    **dict.fromkeys(("int", "int32", "int64", "uint8", "integer", "long", "bool"), LABEL),
    **dict.fromkeys(("str", "string"), "`class(10)` for a label, `seq class(96)` for a text"),
}
OF_TENSORS = frozenset({"Tensor", "FloatTensor", "LongTensor", "ndarray", "Array", "None", "Any"})


def children(node: tree.Tree) -> Iterator[tree.Tree]:
    """The nodes directly below a node, in the order of their fields."""
    for name in type(node).__slots__:
        value: Any = getattr(node, name)
        if isinstance(value, tree.Tree):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, tree.Tree):
                    yield item


def check_tree(file: tree.File) -> list[Diagnostic]:
    """The first too deep expression; each misplaced value; each factor that has no index."""
    problems: list[Diagnostic] = []
    pending: list[tuple[tree.Tree, int]] = [(file, 0)]
    while pending:
        node, depth = pending.pop()
        depth += isinstance(node, OPERATORS)
        if depth > MAX_DEPTH:
            return [*problems, _too_deep(node)]
        match node:
            case (
                tree.Definition(body=body)
                | tree.Derivative(body=body)
                | tree.Train(body=body)
                | tree.Step(body=body)
            ):
                problems += _check_body(body)
            case tree.NameType(name=name) if name in OF_NUMBERS or name in OF_TENSORS:
                problems.append(_kind_of_number(node, name))
            case tree.ContractExpr(factors=factors):
                problems += [_plain_factor(f) for f in factors if not isinstance(f, tree.Index)]
        pending += [(child, depth) for child in children(node)]
    return problems


def _check_body(body: tuple[tree.Statement, ...]) -> list[Diagnostic]:
    return [
        Diagnostic(
            code="E0120",
            message="this value goes nowhere: only the last line of a body is its value",
            primary=Label(statement.span, "computed, then lost"),
            secondary=(Label(body[-1].span, "the last line"),),
            hint=_of_a_program(statement)
            or _forgotten_chain(following)
            or "give it a name, `y = ...`, or delete the line",
        )
        for statement, following in pairwise(body)
        if isinstance(statement, tree.ResultStmt)
    ]


def _of_a_program(statement: tree.ResultStmt) -> str | None:
    """A call for what it does, which nothing here does: `print(x)`, `loss.backward()`."""
    match statement.value:
        case tree.Call(function=tree.Name(name="print")):
            return (
                "a network prints nothing: `report name = value` in `train`, or `gradc explain`,"
                " shows numbers"
            )
        case tree.Call(function=tree.Attribute(name="backward" | "step" | "zero_grad")):
            return "delete the line: `minimize loss using adam` differentiates and updates"
    return None


def _forgotten_chain(following: tree.Statement) -> str | None:
    """A line that begins with a call after a value: its `|>` may have been forgotten."""
    first = following.value if isinstance(following, tree.ResultStmt) else None
    while isinstance(first, tree.Pipe | tree.Claim):
        first = first.left if isinstance(first, tree.Pipe) else first.value
    if not isinstance(first, tree.Call):
        return None
    text = first.span.text.split("\n")[0]
    return f"a chain goes on with `|>`: write `|> {text[:40]}`, or give the value a name"


def _plain_factor(factor: tree.Tree) -> Diagnostic:
    return Diagnostic(
        code="E0124",
        message="contract multiplies indexed tensors, and this has no index",
        primary=Label(factor.span, "expected something like `x[i, j]`"),
        hint="index every factor, and multiply by numbers outside of contract",
    )


def _kind_of_number(node: tree.Tree, name: str) -> Diagnostic:
    written = OF_NUMBERS.get(name, "`[4]` for a tensor of four numbers")
    return Diagnostic(
        code="E0122",
        message="a type is a shape, and names no kind of number",
        primary=Label(node.span),
        hint=f"write {written}; numbers are float32, or float64 with --dtype",
    )


def _too_deep(node: tree.Tree) -> Diagnostic:
    return Diagnostic(
        code="E0107",
        message=f"nested deeper than {MAX_DEPTH}",
        primary=Label(node.span, f"{MAX_DEPTH} operations are around this one"),
        hint="give the parts names, `part = ...`, or write `repeat(n, layer)` for a long chain",
    )


def same_tree(left: tree.Tree, right: tree.Tree) -> bool:
    """Equal but for the spans."""
    pending: list[tuple[Any, Any]] = [(left, right)]
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, tree.Tree):
            pending += [(getattr(a, name), getattr(b, name)) for name in type(a).__slots__]
        elif isinstance(a, tuple):
            if len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
        elif not isinstance(a, Span) and a != b:
            return False
    return True
