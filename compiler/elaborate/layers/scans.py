"""`scan(cell)` and `unfold(n, cell)` as layers that are not applied yet.  Rows of `builtins`."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions import sequences
from gradc_compiler.elaborate.layers.layer_values import bare_layer
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Defined, Layer, Recurrent, StaticValue
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.syntax.grammar.tree import Definition


def scan(
    scope: Scope,
    span: Span,
    cell: StaticValue,
    start: StaticValue,
    all: StaticValue,
    backwards: StaticValue,
) -> StaticValue:
    """A cell along a sequence."""
    every = sequences.flag(all, scope, scope.argument(span, "all"))
    reverse = sequences.flag(backwards, scope, scope.argument(span, "backwards"))
    return Recurrent(_cell(cell, "scan", scope, span), None, start, every, reverse)


def unfold(
    scope: Scope,
    span: Span,
    count: StaticValue,
    cell: StaticValue,
    start: StaticValue,
    all: StaticValue,
) -> StaticValue:
    """A cell for a number of steps, with one input."""
    over = sequences.time_argument(count, scope, scope.argument(span, "count"))
    every = sequences.flag(all, scope, scope.argument(span, "all"))
    return Recurrent(_cell(cell, "unfold", scope, span), over, start, every)


def _cell(cell: StaticValue, what: str, scope: Scope, span: Span) -> Layer:
    """A cell with its settings; E0314 for anything else."""
    defined = cell.defined if isinstance(cell, Layer) else cell
    definition = defined.definition if isinstance(defined, Defined) else None
    if definition is None or definition.kind != "cell":
        raise scope.fault(
            "E0314",
            f"`{what}` takes a cell, got {describe(cell)}",
            scope.argument(span, "cell"),
            secondary=[] if definition is None else [(definition.name_span, "defined here")],
            hint=_instead(cell, definition, what),
        )
    if len(definition.inputs) != 2:
        raise scope.fault(
            "E0314",
            f"a cell goes from a state and an input; `{definition.name}` has "
            f"{len(definition.inputs)} inputs",
            scope.argument(span, "cell"),
            secondary=[(definition.name_span, "defined here")],
            hint="several inputs of a step stand in a tuple: x : (a : [n], b : [m])",
        )
    return bare_layer(cell, span, scope) if isinstance(cell, Defined) else cell


def _instead(cell: StaticValue, definition: Definition | None, what: str) -> str:
    """A hint for a value that is no cell: what may have been meant."""
    if isinstance(cell, Value):
        settings = "lstm(64)" if what == "scan" else "20, lstm(64)"
        return f"its input stands before it: x |> {what}({settings})"
    if definition is not None and len(definition.inputs) == 2:
        return f"declare it with the word `cell` in place of `{definition.kind}`"
    return "a cell goes from a state and an input to the next state, such as lstm(64)"
