"""What stands to the left of `|>`: an operation there needs brackets, as two readings are near.

`|>` binds most loosely, so `x + x |> f` is `(x + x) |> f`; who reads it as `x + (x |> f)` would
find nothing wrong with the network but its results.  Signs and claims are read as they are meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gradc_compiler.diagnostics.source import Diagnostic, Label
from gradc_compiler.syntax.grammar import tree
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.unparse import Link, links, unparse

LONGEST = 90  # characters of a reading that are shown
HOLE = "\0"  # no name of a program
Operation = tree.Binary | tree.Conditional


def unclear_chains(file: tree.File) -> Iterator[Diagnostic]:
    """E0129 for each operation without brackets before a `|>`; a tree of bounded depth is asked."""
    pending: list[tuple[tree.Tree, tree.Pipe | None]] = [(file, None)]
    while pending:
        node, whole = pending.pop()
        if isinstance(node, tree.Pipe):
            whole = whole or node
            part = before_pipe(node)
            if part is not None:
                yield _unclear(part, links(whole))
        for child in children(node):
            goes_on = isinstance(node, tree.Pipe | tree.Claim) and child is first_of(node)
            pending.append((child, whole if goes_on else None))


def first_of(chain: tree.Pipe | tree.Claim) -> tree.Expr:
    """What stands before the sign of a link."""
    return chain.left if isinstance(chain, tree.Pipe) else chain.value


def before_pipe(pipe: tree.Pipe) -> Operation | None:
    """The operation without brackets right before a `|>`, where there is one; a sign before it
    makes it no clearer.
    """
    around: tree.Expr = pipe
    part = pipe.left
    bracketed = around.span.start != part.span.start
    while not bracketed and not isinstance(part, Operation):
        match part:
            case tree.Claim(value=inner):
                bracketed = part.span.start != inner.span.start
            case tree.Pipe(right=inner) | tree.Unary(operand=inner):
                bracketed = part.span.end != inner.span.end
            case _:
                return None
        part = inner
    return None if bracketed or not isinstance(part, Operation) else part


def _unclear(part: Operation, chain: list[Link]) -> Diagnostic:
    """The error, with both readings."""
    at = next(k for k, link in enumerate(chain) if _has(link.part, part))
    whole = chain[at].part
    assert isinstance(whole, Operation | tree.Unary), "an operation, or signs before one"
    rest = "".join([f"{link.sign}{link.doc().flat}" for link in chain[at + 1 :]])
    first, last = _but_the_last(whole)
    inner = f"({Link('', last, piped=True).doc().flat}{rest})"
    readings = [f"({unparse(whole)}){rest}", unparse(first).replace(HOLE, inner)]
    what = "`if`" if isinstance(part, tree.Conditional) else f"`{part.operator}`"
    return Diagnostic(
        code="E0129",
        message=f"{what} to the left of `|>` needs brackets: two readings are near",
        primary=Label(whole.span, "all of this goes into the chain"),
        hint=" or ".join(f"`{_shortened(reading)}`" for reading in readings) + _comment(part),
    )


def _comment(part: Operation) -> str:
    """What else `//` may have been."""
    is_division = isinstance(part, tree.Binary) and part.operator == "//"
    return "; a comment begins with `#`" if is_division else ""


def _has(whole: tree.Tree, part: Operation) -> bool:
    """Whether a link is an operation, or one with signs before it."""
    while isinstance(whole, tree.Unary):
        whole = whole.operand
    return whole is part


def _but_the_last(part: Operation | tree.Unary) -> tuple[tree.Expr, tree.Expr]:
    """The operation with a hole in place of its last operand, and that."""
    hole = tree.Name(span=part.span, name=HOLE)
    match part:
        case tree.Unary():
            return replace(part, operand=hole), part.operand
        case tree.Binary():
            return replace(part, right=hole), part.right
    return replace(part, otherwise=hole), part.otherwise


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
