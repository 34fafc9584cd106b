"""Rows by an index: an error where there are fewer than the index may want."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.graph.graph import Node, Value
from gradc_compiler.ops.index_limits import bound_of, source_of
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.ops.sequence import TimePosition


def require_rows(index: Value, rows: int, of: Value | None, span: Span, scope: Scope) -> None:
    """Raise E0307 unless an index stays within `rows` rows, those of the tensor `of`.

    An index that goes as far as a sequence of unknown length is checked when the network runs.
    """
    nodes = scope.run.builder.nodes
    bound = bound_of(nodes, index.id)
    if isinstance(bound, str) or (bound is not None and bound <= rows):
        return
    source = source_of(nodes, index.id)
    places = [(source.span, said_of(source, bound))] if source.span is not None else []
    if of is not None and (where := declared(of, scope)) is not None:
        places.append((where, f"{counted(rows)} {'is' if rows == 1 else 'are'} here"))
    up_to = "may be anything" if bound is None else f"goes from 0 to {bound - 1}"
    raise scope.fault(
        "E0307",
        f"there {'is' if rows == 1 else 'are'} {counted(rows)}, but the index {up_to}",
        span,
        secondary=[(place, text) for place, text in places if place != span],
        hint=None if bound is None else f"it takes {counted(bound)}",
    )


def said_of(source: Node, bound: int | None) -> str:
    """Where the extent of an index comes from, for a label."""
    if isinstance(source.op, TimePosition):
        return f"places in a sequence of {bound}"
    return f"class({bound}) comes from here"


def declared(of: Value, scope: Scope) -> Span | None:
    """Where a tensor comes from: the declaration of a parameter, or what computes it."""
    node = of.node
    if isinstance(node.op, PersistentOp):
        known = scope.run.registry.declared.get(node.op.key)
        return known.place if known is not None else node.span
    return node.span


def counted(rows: int) -> str:
    """`1 row`, `3 rows`."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"
