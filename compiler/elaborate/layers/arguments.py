"""Arguments to parameters: by place, by name, by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.problems import SpecError, did_you_mean
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Builtin, StaticValue
from gradc_compiler.syntax.grammar.tree import Definition, Parameter

Named = Mapping[str, StaticValue]


def bind_arguments(
    definition: Definition,
    parameters: Sequence[Parameter],
    arguments: Sequence[StaticValue],
    named: Named,
    span: Span,
    scope: Scope,
) -> dict[str, StaticValue]:
    """Each given parameter's meaning, in order of the list; E0305 where they do not fit."""
    names = [p.name for p in parameters]
    signature = f"{definition.name}({', '.join(names)})"

    def fault(message: str, place: Span, hint: str | None) -> SpecError:
        here = [(definition.name_span, "defined here")]
        return scope.fault("E0305", message, place, secondary=here, hint=hint)

    if len(arguments) > len(names):
        sized = definition.inputs and parameters == definition.settings
        hint = "the size of its input is not written: the input has it" if sized else None
        raise fault(f"`{signature}` takes {len(names)}, got {len(arguments)}", span, hint)
    given = dict(zip(names, arguments, strict=False))
    for name in named:
        place = scope.run.argument_spans.get(span, {}).get(name, span)
        if name in given:
            raise scope.fault("E0305", f"`{name}` is given twice: {signature}", place)
        if name not in names:
            message = f"`{name}` is not one of its parameters: {signature}"
            raise fault(message, place, did_you_mean(name, names))
    bound = given | dict(named)
    missing = [p.name for p in parameters if p.name not in bound and p.default is None]
    if missing:
        cell = definition.kind == "cell" and parameters == definition.inputs
        hint = f"scan({definition.name}(...)) applies it along a sequence" if cell else None
        if not (cell or bound or definition.settings):
            hint = f"in a chain it stands without brackets: `|> {definition.name}`"
        raise fault(f"`{signature}` needs {' and '.join(f'`{m}`' for m in missing)}", span, hint)
    return {name: bound[name] for name in names if name in bound}


def bind_builtin(
    function: Builtin, arguments: Sequence[StaticValue], named: Named, span: Span, scope: Scope
) -> list[StaticValue]:
    """Arguments of a function of the language in its order; None where one is left out."""
    names = function.parameters
    signature = f"{function.name}({', '.join(names)}{', ...' if function.variadic else ''})"
    spans = scope.run.argument_spans.get(span, {})
    if function.variadic:
        unknown = [n for n in named if n not in names[1:]]
        bound: dict[str, StaticValue] = {names[0]: tuple(arguments), **named}
        too_many = not arguments
    else:
        bound = {**dict(zip(names, arguments, strict=False)), **named}
        spans.update({n: spans[k] for k, n in enumerate(names) if k in spans and n not in spans})
        unknown = [n for n in named if n not in names or n in names[: len(arguments)]]
        too_many = len(arguments) > len(names)
    missing = [n for n in names[: function.required] if n not in bound]
    if unknown:
        raise scope.fault(
            "E0305",
            f"`{unknown[0]}` {'is given twice' if unknown[0] in names else 'does not fit'}: "
            f"{signature}",
            spans.get(unknown[0], span),
            hint=did_you_mean(unknown[0], names) if unknown[0] not in names else None,
        )
    if too_many:
        few = f"takes {len(names)}, got {len(arguments)}" if arguments else "needs a tensor"
        raise scope.fault("E0305", f"`{signature}` {few}", span)
    if missing:
        wanted = " and ".join(f"`{n}`" for n in missing)
        raise scope.fault("E0305", f"`{signature}` needs {wanted}", span)
    return [bound.get(name) for name in names]
