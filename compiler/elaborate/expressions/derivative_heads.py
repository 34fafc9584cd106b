"""What the head of `derivative f(x)(dx) { ... }` must say, before anything applies f."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.diagnostics.source import Diagnostic, Span
from gradc_compiler.elaborate.layers.own_derivative import KINDS
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.problems import DiagnosticSink, diagnose, did_you_mean
from gradc_compiler.syntax.grammar.tree import Definition, Derivative


def check_derivative(
    told: Derivative, unit: SourceModule, seen: dict[str, Span], problems: DiagnosticSink
) -> None:
    """E0202 for a second derivative of one function, or two inputs of one name; E0505 for one of
    nothing, of another kind, or of other inputs.
    """
    for problem in _of_head(told, unit, seen):
        problems.add(problem)
    seen.setdefault(f"derivative {told.name}", told.name_span)


def _of_head(told: Derivative, unit: SourceModule, seen: dict[str, Span]) -> Iterator[Diagnostic]:
    first = seen.get(f"derivative {told.name}")
    if first is not None:
        message, places = f"`{told.name}` has two derivatives", [(first, "first here")]
        yield diagnose("E0202", message, told.name_span, label="again here", secondary=places)
    names: dict[str, Span] = {}
    for parameter in (*told.inputs, *told.tangents):
        if parameter.name in names:
            message = f"the derivative has two inputs called `{parameter.name}`"
            places = [(names[parameter.name], "first here")]
            yield diagnose("E0202", message, parameter.name_span, secondary=places)
        names.setdefault(parameter.name, parameter.name_span)
    if told.name not in unit.definitions:
        functions = [n for n, d in unit.definitions.items() if d.definition.kind in KINDS]
        message = f"this file has no function `{told.name}` that this could be the derivative of"
        hint = did_you_mean(told.name, functions) or "it stands in the file of its function"
        yield diagnose("E0505", message, told.name_span, hint=hint)
        return
    yield from _of_function(told, unit.definitions[told.name].definition)


def _of_function(told: Derivative, of: Definition) -> Iterator[Diagnostic]:
    here = [(of.name_span, "defined here")]
    if of.kind not in KINDS:
        message = f"a {of.kind} has no derivative of its own: a function or a layer may have one"
        yield diagnose("E0505", message, told.name_span, secondary=here)
        return
    for own in (told.inputs, told.tangents):
        if len(own) != len(of.inputs):
            called = ", ".join(p.name for p in of.inputs)
            moved = ", ".join(f"d{p.name}" for p in of.inputs)
            yield diagnose(
                "E0505",
                f"`{of.name}` has inputs: {len(of.inputs)}, and here are {len(own)}",
                told.name_span,
                secondary=here,
                hint=f"derivative {of.name}({called})({moved}) {{ ... }}",
            )
