"""Arguments to parameters: by place, by name, by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.problems import SpecError, argument_instead
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Builtin, StaticValue
from gradc_compiler.graph.graph import Value
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
    here = [(definition.name_span, "defined here")]
    if len(arguments) > len(names):
        sized = definition.inputs and parameters == definition.settings
        hint = "the size of its input is not written: the input has it" if sized else None
        if sized and isinstance(arguments[0], Value):
            hint = f"settings stand alone in the first brackets: `x |> {definition.name}(...)`"
        message = f"`{signature}` takes {len(names)}, got {len(arguments)}"
        raise scope.fault("E0305", message, span, secondary=here, hint=hint)
    given = dict(zip(names, arguments, strict=False))
    for name in named:
        place = scope.argument(span, name)
        if name in given:
            raise scope.fault("E0305", f"`{name}` is given twice: {signature}", place)
        if name not in names:
            message, hint = (
                f"`{name}` is not one of its parameters: ",
                argument_instead(name, names),
            )
            raise scope.fault("E0305", message + signature, place, secondary=here, hint=hint)
    bound = given | dict(named)
    missing = [p.name for p in parameters if p.name not in bound and p.default is None]
    if missing:
        hint = _hint_for_missing(definition, parameters, bound)
        message = f"`{signature}` needs {_and(missing)}"
        raise scope.fault("E0305", message, span, secondary=here, hint=hint)
    return {name: bound[name] for name in names if name in bound}


def _hint_for_missing(
    definition: Definition, parameters: Sequence[Parameter], bound: Named
) -> str | None:
    """A hint where an argument is missing: it may stand in the wrong brackets."""
    if definition.kind == "cell" and parameters == definition.inputs:
        return f"scan({definition.name}(...)) applies it along a sequence"
    if definition.kind in ("layer", "function") and parameters == definition.inputs and bound:
        name, left = definition.name, [p.name for p in parameters if p.name not in bound]
        stays = f"{definition.kind} {name}({', '.join(left)})({', '.join(bound)})"
        return f"apply it to all, `{_call(definition)}`; what stays the same in a chain is a" + (
            f" setting: `{stays}`"
        )
    if bound or definition.settings:
        return None
    if definition.kind in ("optimizer", "initializer", "regularizer", "schedule"):
        return f"it has no settings, so it stands without brackets: `{definition.name}`"
    return f"in a chain it stands without brackets: `|> {definition.name}`"


def _call(definition: Definition) -> str:
    return f"{definition.name}({', '.join(p.name for p in definition.inputs)})"


def _and(names: Sequence[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def bind_builtin(
    function: Builtin, arguments: Sequence[StaticValue], named: Named, span: Span, scope: Scope
) -> list[StaticValue]:
    """Arguments of a function of the language in its order; None where one is left out."""
    names, places = function.parameters, arguments
    if function.variadic:
        places = (tuple(arguments),) if arguments else ()
    else:
        _name_places(names, scope.run.argument_spans.get(span, {}))
    taken = names[: len(places)]
    for name in named:
        if name not in names or name in taken:
            raise _unfit(function, name, span, scope)
    bound = {**dict(zip(names, places, strict=False)), **named}
    missing = [n for n in names[: function.required] if n not in bound]
    wrong = f"takes {len(names)}, got {len(places)}" if len(places) > len(names) else ""
    if missing:
        wrong = "needs a tensor" if function.variadic else f"needs {_and(missing)}"
    if wrong:
        raise scope.fault("E0305", f"`{_signature(function)}` {wrong}", span)
    return [bound.get(name) for name in names]


def _name_places(names: Sequence[str], spans: dict[str | int, Span]) -> None:
    """Let the place of an argument be known by the name of its parameter as well."""
    spans.update({n: spans[k] for k, n in enumerate(names) if k in spans and n not in spans})


def _signature(function: Builtin) -> str:
    return f"{function.name}({', '.join(function.parameters)}{', ...' * function.variadic})"


def _unfit(function: Builtin, name: str, span: Span, scope: Scope) -> SpecError:
    """E0305 for an argument with a name that the function has not got, or has an argument for."""
    known = name in function.parameters
    message = f"`{name}` {'is given twice' if known else 'does not fit'}: {_signature(function)}"
    hint = argument_instead(name, function.parameters)
    return scope.fault("E0305", message, scope.argument(span, name), hint=hint)
