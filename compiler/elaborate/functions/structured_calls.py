"""A call of an operator along an axis: its operands and settings are read from its class."""

from __future__ import annotations

from collections.abc import Callable

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.sequences import flag
from gradc_compiler.elaborate.functions.tensors import axes_of, real
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import StaticValue
from gradc_compiler.elaborate.types.sizes import check_size
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.structured import Structured


def structured(op: type[Structured]) -> Callable[..., StaticValue]:
    """The rule of the function that applies an operator."""
    names, settings = op.operands(), op.settings()

    def rule(scope: Scope, span: Span, *given: StaticValue) -> StaticValue:
        values = [
            _label(op, x, scope, span) if name in op.labels else real(x, scope, span)
            for name, x in zip(names, given[: len(names)], strict=True)
        ]
        chosen = {
            name: _setting(name, x, values[0], scope, span)
            for name, x in zip(settings, given[len(names) :], strict=True)
        }
        return scope.run.builder.add(op(**chosen), *values)

    return rule


def _label(op: type[Structured], x: StaticValue, scope: Scope, span: Span) -> Value:
    value = to_value(x, scope, span)
    if value.type.kind is not Kind.INDEX:
        raise scope.fault("E0306", f"`{op.name}` goes by labels, got {value.type}", span)
    return value


def _setting(name: str, given: StaticValue, x: Value, scope: Scope, span: Span) -> int | bool:
    """An axis, a size, or a flag."""
    place = scope.argument(span, name)
    match name:
        case "axis":
            axes = axes_of(-1 if given is None else given, x, scope, span)
            if len(axes) != 1:
                raise scope.fault("E0307", f"one axis is gone along, not {len(axes)}", place)
            return axes[0]
        case "size":
            return check_size(given, place, scope)
    return flag(given, scope, place)
