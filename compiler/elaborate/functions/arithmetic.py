"""Arithmetic: on numbers it is done now, on graph values it adds a node.

Numbers are exact, so that sizes and shares can be computed.
"""

from __future__ import annotations

from math import isfinite

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.matmul import matmul
from gradc_compiler.elaborate.names.decimals import Number, calculate
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.spec_limits import NUMBER
from gradc_compiler.elaborate.names.values import (
    Duration,
    Keyword,
    ParameterGroup,
    Sizes,
    StaticValue,
    is_number,
)
from gradc_compiler.elaborate.types.fixits import as_a_value
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TimesDiffer, TypeFault
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.elementwise import power
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.ops.sequence import Length
from gradc_compiler.ops.shape import Concat, reshape

ELEMENTWISE = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "quotient",
    "%": "rest",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "==": "eq",
    "!=": "ne",
}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def elementwise(name: str, scope: Scope, *operands: StaticValue, span: Span) -> Value:
    """The elementwise operator on values; numbers become constants."""
    values = [to_value(x, scope, span) for x in operands]
    return scope.run.builder.add(OPS[name](), *values)


def to_value(meaning: StaticValue, scope: Scope, span: Span) -> Value:
    """A meaning as a graph value; E0306 where it cannot be one."""
    builder = scope.run.builder
    require_sound(meaning)
    match meaning:
        case Value():
            if meaning.builder is builder:
                return meaning
            raise scope.fault("E0306", "this is known only while the network runs", span)
        case int() | float():
            return builder.constant(float(meaning))
        case Duration(time=time):
            return builder.add(Length(time)) * 1.0
        case Sizes():
            return tensor_of(meaning, scope, span)
        case ParameterGroup(path=path):
            exact = scope.run.registry.declared.get(path)
            if exact is not None:
                return scope.run.current(path, exact.type)
    raise scope.fault(
        "E0306",
        f"expected a tensor or a number, got {describe(meaning)}",
        span,
        hint=as_a_value(meaning),
    )


def tensor_of(items: Sizes, scope: Scope, span: Span) -> Value:
    """`[a, b]` as a tensor: numbers become a literal, values are stacked."""
    if all(map(is_number, items)):
        return scope.run.builder.add(Literal(tuple(map(float, items)), (len(items),)))
    return stack([to_value(item, scope, span) for item in items], scope)


def stack(values: list[Value], scope: Scope) -> Value:
    """Values of one shape along a new leading axis."""
    rows = [reshape(v, (1, *v.shape)) for v in values]
    return scope.run.builder.add(Concat(0), *rows) if len(rows) > 1 else rows[0]


def unary(sign: str, x: StaticValue, scope: Scope, span: Span) -> StaticValue:
    """`-x` and `not x`."""
    if sign == "not":
        return not truth(x, scope, span)
    if is_number(x):
        return -x
    return elementwise("neg", scope, _real(x, scope, span), span=span)


def truth(x: StaticValue, scope: Scope, span: Span) -> bool:
    """A condition, which must be known at compile time."""
    if is_number(x):
        return bool(x)
    raise scope.fault(
        "E0309",
        f"a condition is decided at compile time; this is {describe(x)}",
        span,
        hint="where(condition, a, b) chooses element by element",
    )


def binary(
    sign: str, a: StaticValue, b: StaticValue, scope: Scope, spans: tuple[Span, Span, Span]
) -> StaticValue:
    """`a sign b`; `spans` are of the whole, of a and of b."""
    if is_number(a) and is_number(b):
        return on_numbers(sign, a, b, scope, spans[0])
    if sign == "^" and is_number(b):
        return power(_real(a, scope, spans[1]), b)
    if sign in ("==", "!="):
        same = _are_known_equal(a, b)
        if same is not None:
            return same == (sign == "==")
        _require_class(a, b, scope, spans[2])
        _require_class(b, a, scope, spans[1])
    x, y = to_value(a, scope, spans[1]), to_value(b, scope, spans[2])
    if sign not in COMPARISONS:
        x, y = _real(x, scope, spans[1]), _real(y, scope, spans[2])
    try:
        return _on_values(sign, x, y)
    except TimesDiffer:
        raise
    except TypeFault as fault:
        message = f"`{sign}` does not fit {x.type} and {y.type}: {fault}"
        types, hint = [(spans[1], str(x.type)), (spans[2], str(y.type))], _hint(sign, x, y, spans)
        raise scope.fault("E0303", message, spans[0], secondary=types, hint=hint) from None


def _are_known_equal(a: StaticValue, b: StaticValue) -> bool | None:
    """Whether two keywords or sizes are equal; None if that is known only when the network runs."""
    if isinstance(a, Keyword | bool | Sizes) and isinstance(b, Keyword | bool | Sizes):
        return bool(a == b)
    return False if Keyword in (type(a), type(b)) and _is_known(a, b) else None


def _require_class(label: StaticValue, number: StaticValue, scope: Scope, span: Span) -> None:
    """E0307 where a label is compared with a number that none of its classes has."""
    classes = label.type.classes if isinstance(label, Value) else None
    if classes is None or not is_number(number) or number in range(classes):
        return
    raise scope.fault(
        "E0307",
        f"a label of class({classes}) is never {number}",
        span,
        hint=f"its classes are 0 to {classes - 1}",
    )


def _is_known(a: StaticValue, b: StaticValue) -> bool:
    """Whether a or b is a number or a tuple, and so never equal to a keyword."""
    return isinstance(a, int | float | tuple) or isinstance(b, int | float | tuple)


def _real(a: StaticValue, scope: Scope, span: Span) -> Value:
    value = to_value(a, scope, span)
    if value.type.classes is not None:
        raise scope.fault(
            "E0306",
            f"there is no arithmetic on {value.type}",
            span,
            "this is a label",
            hint="one_hot(label, k) makes it a vector",
        )
    return value


def on_numbers(sign: str, a: Number, b: Number, scope: Scope, span: Span) -> Number:
    """Arithmetic done now; E0402 where it has no answer or too large a one."""
    if sign == "@":
        raise scope.fault(
            "E0303", "`@` multiplies matrices and vectors, not numbers", span, hint="use *"
        )
    try:
        result = calculate(sign, a, b)
    except (ZeroDivisionError, ValueError):
        raise scope.fault("E0402", f"{a} {sign} {b} has no value", span) from None
    except OverflowError:
        result = NUMBER + 1
    if (isinstance(result, int) and abs(result) > NUMBER) or not isfinite(result):
        raise scope.fault("E0402", f"{a} {sign} {b} is out of range", span)
    return result


def _on_values(sign: str, x: Value, y: Value) -> Value:
    match sign:
        case "@":
            return matmul(x, y)
        case "^":
            return power(x, y)
    return x.apply(ELEMENTWISE[sign], x, y)


def _hint(sign: str, x: Value, y: Value, spans: tuple[Span, Span, Span]) -> str | None:
    """A hint to transpose an operand, where the transposed one would fit."""
    left, right = spans[1].text, spans[2].text
    if sign == "@":
        if len(x.shape) == 2 and y.shape and x.shape[0] == y.shape[max(len(y.shape) - 2, 0)]:
            return f"transpose({left}) @ {right} fits"
        if len(y.shape) == 2 and x.shape and x.shape[-1] == y.shape[1]:
            return f"{left} @ transpose({right}) fits"
    elif x.shape == tuple(reversed(y.shape)) and len(x.shape) == 2:
        return f"transpose({right}) fits"
    return None
