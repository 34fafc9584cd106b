"""Types as written, matched against what is there.

`[n]` binds a size, `[..s, n]` binds several, `t` a whole type.  A name in a type is bound by the
first value it meets; from then on it stands for that size.  An expression such as `2 * n + 1` with
one unbound name is solved for it.
"""

from __future__ import annotations

from typing import Any

from compiler.elaborate.limits import SIZE
from compiler.elaborate.problems import Silenced, require_sound
from compiler.elaborate.scope import Scope
from compiler.elaborate.values import Meaning, Sizes, describe, is_number, show_type
from compiler.graph.types import Kind, TensorType
from compiler.source import Span
from compiler.syntax.check import children
from compiler.syntax.tree import (
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


class Mismatch(Exception):
    """A value does not have the type that is written; says why, when there is more to say."""


def resolve(type: TypeExpr, scope: Scope) -> Type:
    """The type an expression stands for when every name in it is bound."""
    match type:
        case ScalarType():
            return TensorType()
        case Shape(sizes=sizes):
            return TensorType(tuple(resolve_sizes(sizes, scope)))
        case ClassType(count=count):
            return TensorType((), Kind.INDEX, size_of(count, scope))
        case TupleType(fields=parts):
            return tuple(resolve(part.type, scope) for part in parts)
        case NameType(name=name):
            bound = scope.names.get(name)
            if isinstance(bound, TensorType | tuple) and not isinstance(bound, Sizes):
                return bound
            raise scope.fault(
                "E0201", f"`{name}` is not a type here", type.span, "no argument binds it"
            )
        case SeqType():
            raise sequence_fault(type, scope)


def sequence_fault(type: Tree, scope: Scope) -> Exception:
    """What `seq` gets until sequences are compiled."""
    return scope.fault(
        "E0390",
        "sequences come in a later version",
        type.span,
        "this needs them",
        hint="use a fixed size, such as [20, 32]",
    )


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


def check_size(meaning: Meaning, span: Span, scope: Scope, what: str = "this") -> int:
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


def match(type: TypeExpr, actual: Type, scope: Scope) -> None:
    """Bind the names of a type to what is there; raises `Mismatch` where it does not fit."""
    match type:
        case NameType(name=name):
            bound: Type = scope.names.setdefault(name, actual)
            if not isinstance(bound, TensorType | tuple):
                raise scope.fault("E0201", f"`{name}` is a value here, not a type", type.span)
            if bound != actual:
                raise Mismatch(f"`{name}` is {show_type(bound)} already")
        case TupleType(fields=parts):
            if not isinstance(actual, tuple) or len(actual) != len(parts):
                raise Mismatch("")
            for part, inner in zip(parts, actual, strict=True):
                match_part(part.type, inner, scope)
        case ClassType(count=count):
            if not isinstance(actual, TensorType) or actual.kind is not Kind.INDEX or actual.shape:
                raise Mismatch("")
            if actual.classes is not None:
                _match_size(count, actual.classes, scope)
        case ScalarType() | Shape():
            if not isinstance(actual, TensorType) or actual.kind is not Kind.REAL:
                raise Mismatch("")
            match_sizes(() if isinstance(type, ScalarType) else type.sizes, actual.shape, scope)
        case SeqType():
            raise sequence_fault(type, scope)


match_part = match


def match_sizes(written: tuple[Expr | Rest, ...], shape: tuple[int, ...], scope: Scope) -> None:
    """Match sizes one by one; `..s` takes what the others leave."""
    rests = [j for j, size in enumerate(written) if isinstance(size, Rest)]
    if not rests:
        if len(written) != len(shape):
            raise Mismatch("")
        parts = list(zip(written, shape, strict=True))
    else:
        at, spare = rests[0], len(shape) - (len(written) - 1)
        if spare < 0 or len(rests) > 1:
            raise Mismatch("")
        _match_rest(written[at], shape[at : at + spare], scope)
        parts = [
            *zip(written[:at], shape[:at], strict=True),
            *zip(written[at + 1 :], shape[at + spare :], strict=True),
        ]
    for size, actual in parts:
        assert not isinstance(size, Rest), "only one `..` stands in a type"
        _match_size(size, actual, scope)


def _match_rest(rest: Expr | Rest, sizes: tuple[int, ...], scope: Scope) -> None:
    assert isinstance(rest, Rest), "called at a `..`"
    bound = scope.names.setdefault(rest.name, Sizes(sizes))
    if tuple(bound) != sizes:
        raise Mismatch(f"`..{rest.name}` is [{', '.join(map(str, bound))}] already")


def _match_size(written: Expr, actual: int, scope: Scope) -> None:
    free = free_names(written, scope)
    if isinstance(written, Name) and free:
        scope.names[written.name] = actual
        return
    if free:
        _solve(written, free, actual, scope)
    expected = size_of(written, scope)
    if expected != actual:
        known = f"`{written.span.text}` is {expected}" if not written.span.text.isdigit() else ""
        raise Mismatch(known)


def _solve(written: Expr, free: list[str], actual: int, scope: Scope) -> None:
    """Bind the one free name of an affine size: f(0) + (f(1) - f(0)) * n = actual."""
    if len(free) > 1:
        raise scope.fault(
            "E0404",
            f"`{written.span.text}` does not say what {' and '.join(f'`{n}`' for n in free)} are",
            written.span,
            hint="make all but one of them settings, or write each size alone",
        )
    name = free[0]
    at = []
    for trial in (0, 1):
        scope.names[name] = trial
        at.append(scope.evaluate(written))
    del scope.names[name]
    require_sound(*at)
    if not all(map(is_number, at)) or at[0] == at[1]:
        raise scope.fault(
            "E0404", f"`{written.span.text}` does not say what {free[0]} is", written.span
        )
    solution = (actual - at[0]) / (at[1] - at[0])
    if solution != int(solution) or solution < 0:
        raise Mismatch(f"no whole {name} makes `{written.span.text}` {actual}")
    scope.names[name] = int(solution)


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
            return ["its type"]
        case NameType(name=name):
            return [] if name in scope.names else [name]
        case Shape(sizes=sizes):
            return [n for s in sizes for n in _unbound_in_size(s, scope)]
        case TupleType(fields=parts):
            return [n for part in parts for n in unbound_in_type(part.type, scope)]
        case ClassType(count=count):
            return free_names(count, scope)
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
    resolved = resolve(type, scope)
    return resolved.shape if isinstance(resolved, TensorType) else None


def shape_of(type: Type) -> tuple[int, ...]:
    """The sizes of a tensor; none of a tuple."""
    return type.shape if isinstance(type, TensorType) else ()


def written_type(type: TypeExpr, scope: Scope) -> str:
    """A type for messages: its sizes where they are known, its own text where not."""
    if unbound_in_type(type, scope):
        return type.span.text
    try:
        return show_type(resolve(type, scope))
    except Silenced:
        return type.span.text
