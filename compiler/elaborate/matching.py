"""What is there, matched against a type as written.

`[n]` binds a size, `[..s, n]` binds several, `t` a whole type.  A name in a type is bound by the
first value it meets; from then on it stands for that size.  An expression such as `2 * n + 1` with
one unbound name is solved for it.
"""

from __future__ import annotations

from compiler.elaborate.problems import require_sound
from compiler.elaborate.scope import Scope
from compiler.elaborate.sizes import Type, free_names, sequence_fault, size_of
from compiler.elaborate.values import Sizes, is_number, show_type
from compiler.graph.types import Kind, TensorType
from compiler.syntax.tree import (
    ClassType,
    Expr,
    Name,
    NameType,
    Rest,
    ScalarType,
    SeqType,
    Shape,
    TupleType,
    TypeExpr,
)


class Mismatch(Exception):
    """A value does not have the type that is written; says why, when there is more to say."""


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
