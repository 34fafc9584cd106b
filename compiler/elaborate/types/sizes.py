"""Types as written, and what they stand for once the names in them are bound.

`unify` binds them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.spec_limits import SIZE, STEPS
from gradc_compiler.elaborate.names.values import Duration, Sizes, StaticValue, is_number
from gradc_compiler.elaborate.types.show_types import describe, show_type
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import (
    ClassType,
    Expr,
    Name,
    NameType,
    Number,
    Rest,
    ScalarType,
    SeqType,
    Shape,
    Tree,
    TupleType,
    TypeExpr,
)

Type = Any  # TensorType, or a tuple of types
OPEN_TYPE = "its type"  # what an input without a type leaves open


def resolve(type: TypeExpr, scope: Scope, time: str | None = None) -> Type:
    """The type an expression stands for when every name in it is bound.

    `time` is what the length of a sequence is called where the type does not say it; given one, a
    name that nothing has bound is a time of its own.
    """
    match type:
        case ScalarType():
            return TensorType()
        case Shape(sizes=sizes):
            return TensorType(tuple(resolve_sizes(sizes, scope)))
        case ClassType(count=count):
            return TensorType((), Kind.INDEX, size_of(count, scope))
        case TupleType(fields=parts):
            names = [None if time is None else f"{time}.{k}" for k in range(len(parts))]
            pairs = zip(parts, names, strict=True)
            return tuple(resolve(part.type, scope, name) for part, name in pairs)
        case NameType(name=name):
            bound = scope.names.get(name)
            if isinstance(bound, TensorType | tuple) and not isinstance(bound, Sizes):
                return bound
            raise scope.fault(
                "E0201", f"`{name}` is not a type here", type.span, "no argument binds it"
            )
        case SeqType(length=length, element=element):
            inner = resolve(element, scope, time)
            if not isinstance(inner, TensorType) or inner.time is not None:
                raise scope.fault("E0312", "the elements of a sequence are tensors", element.span)
            return inner.over(_time_written(length, type, scope, time))


def resolve_named(name: str, type: TypeExpr, scope: Scope) -> Type:
    """The type of an input or field, whose name then stands for the length of what it holds."""
    found = resolve(type, scope, name)
    is_new = name not in scope.names or name in scope.unit.constants
    if is_new and isinstance(found, TensorType) and isinstance(found.time, str):
        scope.names[name] = Duration(found.time)
    return found


def _time_written(length: Expr | None, type: Tree, scope: Scope, name: str | None) -> Time:
    """The time that `seq(length)` says, or `name`."""
    if length is None:
        if name is None:
            raise scope.fault(
                "E0404",
                "this does not say how long the sequence is",
                type.span,
                hint="seq(xs) [3] is as long as the sequence xs, seq(20) [3] has 20 elements",
            )
        return name
    if name is not None and isinstance(length, Name) and length.name not in scope.names:
        scope.names[length.name] = Duration(length.name)
    meaning = scope.evaluate(length)
    require_sound(meaning)
    return time_of(meaning, length.span, scope)


def time_of(meaning: StaticValue, span: Span, scope: Scope) -> Time:
    """The time that a length, a whole number or a sequence stands for."""
    match meaning:
        case Duration(time=time):
            return time
        case Value(type=TensorType(time=str() | int() as time)):
            return time
        case Value():
            raise scope.fault(
                "E0310",
                f"this does not say how many steps: {meaning.type} is no sequence",
                span,
                hint="length(xs) is as many as the sequence xs has elements",
            )
    steps = check_size(meaning, span, scope)
    if steps > STEPS:
        raise scope.fault("E0410", f"a sequence of {steps:,} elements is too long", span)
    return steps


def resolve_sizes(sizes: tuple[Expr | Rest, ...], scope: Scope) -> list[int]:
    """Sizes of a shape, `..s` spread out."""
    result: list[int] = []
    for size in sizes:
        if isinstance(size, Rest):
            bound = scope.names.get(size.name)
            if not isinstance(bound, Sizes):
                raise scope.fault("E0201", f"`..{size.name}` is not bound here", size.span)
            result.extend(bound)
        else:
            result.append(size_of(size, scope))
    return result


def size_of(expression: Expr, scope: Scope) -> int:
    """A size: a whole number that is not negative."""
    meaning = scope.evaluate(expression)
    require_sound(meaning)
    what = "this" if isinstance(expression, Number) else f"`{expression.span.text}`"
    return check_size(meaning, expression.span, scope, what)


def check_size(meaning: StaticValue, span: Span, scope: Scope, what: str = "this") -> int:
    """The meaning as a size; E0401 where it is none."""
    whole = is_number(meaning) and not isinstance(meaning, bool) and meaning == int(meaning)
    if not whole or meaning < 0:
        raise scope.fault(
            "E0401", f"a size is a whole number, 0 or more; {what} is {describe(meaning)}", span
        )
    if meaning > SIZE:
        raise scope.fault(
            "E0410", f"the size {meaning:,} is too large", span, hint="sizes stay below 2^48"
        )
    return int(meaning)


def free_names(expression: Tree, scope: Scope) -> list[str]:
    """Names in a size that nothing has bound yet, in order."""
    found: list[str] = []
    if isinstance(expression, Name) and expression.name not in scope.names:
        found.append(expression.name)
    elif not isinstance(expression, Name):
        for child in children(expression):
            found += [n for n in free_names(child, scope) if n not in found]
    return found


def unbound_in_type(type: TypeExpr | None, scope: Scope) -> list[str]:
    """Names a type needs an argument to bind; a missing type needs everything."""
    match type:
        case None:
            return [OPEN_TYPE]
        case NameType(name=name):
            return [] if name in scope.names else [name]
        case Shape(sizes=sizes):
            return [n for s in sizes for n in _unbound_in_size(s, scope)]
        case TupleType(fields=parts):
            return [n for part in parts for n in unbound_in_type(part.type, scope)]
        case ClassType(count=count):
            return free_names(count, scope)
        case SeqType(length=length, element=element):
            free = [] if length is None or isinstance(length, Name) else free_names(length, scope)
            return [*free, *unbound_in_type(element, scope)]
        case _:
            return []


def _unbound_in_size(size: Expr | Rest, scope: Scope) -> list[str]:
    if isinstance(size, Rest):
        return [] if size.name in scope.names else [f"..{size.name}"]
    return free_names(size, scope)


def known_shape(type: TypeExpr, scope: Scope) -> tuple[int, ...] | None:
    """The sizes a type asks for, where all of them are known."""
    if unbound_in_type(type, scope):
        return None
    resolved = _for_people(type, scope)
    return resolved.shape if isinstance(resolved, TensorType) else None


def written_type(type: TypeExpr, scope: Scope) -> str:
    """A type for messages: its sizes where they are known, its own text where not."""
    if unbound_in_type(type, scope):
        return type.span.text
    try:
        return show_type(_for_people(type, scope))
    except ErrorAlreadyReported:
        return type.span.text


def _for_people(type: TypeExpr, scope: Scope) -> Type:
    """The type, with any name for a length that is not bound; binds nothing."""
    return resolve(type, replace(scope, names=dict(scope.names)), "")
