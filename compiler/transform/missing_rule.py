"""What a spec is told where an operator has no rule."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Span
from gradc_compiler.graph.op import NoDerivative


def without_rule(missing: NoDerivative, span: Span | None) -> CompileError:
    """E0501 at the author's line."""
    assert span is not None, f"no derivative for {missing}, and no span to show it at"
    return CompileError(
        [
            Diagnostic(
                code="E0501",
                message=f"`{missing}` has no derivative rule",
                primary=Label(span, "the loss depends on this"),
                hint="stop_gradient(...) keeps the derivative out of it",
            )
        ]
    )
