"""Hints where somebody takes an axis of a sequence's elements for time, which is no axis."""

from __future__ import annotations

import re

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.elaborate.types.show_types import type_of
from gradc_compiler.graph.types import TensorType
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Call, Expr, Index, Name, Slice, Tree

CHAINED = re.compile(r"\b(\w+)\s*\|>\s*\w+\s*\(\s*\d+\s*,\s*$")  # before the second of its settings
IN_PLACES = "scatter(xs, place(xs), 16)"


def parts_of_elements(value: Expr, scope: Scope) -> str:
    """The tail of a hint, where a sequence is cut or joined along an axis of its elements."""
    pending: list[Tree] = [value]
    for part in pending:
        if isinstance(part, Index) and is_slice(part) and reads_sequence(part.base, scope):
            return (
                f"; `{part.span.text}` takes numbers out of every element, for time is no axis:"
                " `first`, `last` and `before` go along it"
            )
        if isinstance(part, Call) and is_concat(part) and reads_sequence(part, scope):
            return (
                "; `axis` counts the axes of an element, for time is none: sequences are joined"
                " side by side, never one behind the other"
            )
        pending += children(part)
    return ""


def is_slice(index: Index) -> bool:
    """Whether an index takes several numbers."""
    return any(isinstance(place, Slice) for place in index.indices)


def is_concat(call: Call) -> bool:
    """Whether a call joins along an axis that it names."""
    is_named = any(argument.name == "axis" for argument in call.arguments)
    return is_named and isinstance(call.function, Name) and call.function.name == "concat"


def reads_sequence(tree: Tree, scope: Scope) -> bool:
    """Whether an expression reads a name that is a sequence."""
    return any(is_sequence(name, scope) for name in names_in(tree))


def is_sequence(name: str, scope: Scope) -> bool:
    """Whether a name of the body stands for a sequence."""
    type = type_of(scope.names.get(name))
    return isinstance(type, TensorType) and type.time is not None


def along_time(span: Span, scope: Scope) -> str:
    """The tail of a hint for the kernel of a convolution, where it is to go along a sequence."""
    before = CHAINED.search(span.source.text[: span.start])
    if before is None or not is_sequence(before[1], scope):
        return ""
    return (
        f"; it goes over axes of an element, for time is none: along `{before[1]}` goes a cell,"
        f" `scan(gru(8))`, or lay the sequence out first, `{IN_PLACES.replace('xs', before[1])}`"
    )
