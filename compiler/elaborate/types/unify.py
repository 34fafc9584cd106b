"""Matching the type of a value against a type as written.

`[n]` binds a size, `[..s, n]` binds several, `t` a whole type, `seq(n)` a length.  A name in a type
is bound by the first value it meets; from then on it stands for that size.  An expression such as
`2 * n + 1` with one unbound name is solved for it.

A type that is no `seq` is matched with one element of a sequence: so a layer written for a vector
is applied to each.
"""

from __future__ import annotations

from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Duration, Sizes, is_number
from gradc_compiler.elaborate.types.show_types import show_type
from gradc_compiler.elaborate.types.sizes import Type, free_names, size_of, time_of
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.syntax.grammar.tree import (
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

    times: tuple[Time, ...] = ()  # the sequences that may differ in length, if that is why


def times_differ(*times: Time) -> Mismatch:
    """Sequences of one type that may differ in length."""
    mismatch = Mismatch("they may differ in length")
    mismatch.times = times
    return mismatch


def unify(type: TypeExpr, actual: Type, scope: Scope) -> None:
    """Bind the names of a type to what is there; raises `Mismatch` where it does not fit."""
    match type:
        case NameType(name=name):
            bound: Type = scope.names.setdefault(name, actual)
            if not isinstance(bound, TensorType | tuple):
                raise scope.fault("E0201", f"`{name}` is a value here, not a type", type.span)
            scope.names[name] = _same_type(name, bound, actual)
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
        case SeqType(length=length, element=element):
            if not isinstance(actual, TensorType) or actual.time is None:
                raise Mismatch("")
            if actual.time in scope.elements:
                raise Mismatch("in this body it is one element")
            if length is not None:
                _match_time(length, actual.time, scope)
            match_part(element, actual.over(None), scope)


match_part = unify


def _same_type(name: str, bound: Type, actual: Type) -> Type:
    """The type that a name stands for when it meets a second type, `actual`: if one of the two is a
    sequence, the other is taken to hold for each of its elements.
    """
    if not isinstance(bound, TensorType) or not isinstance(actual, TensorType):
        if bound != actual:
            raise Mismatch(f"`{name}` is {show_type(bound)} already")
        return bound
    if bound.over(None) != actual.over(None):
        raise Mismatch(f"`{name}` is {show_type(bound)} already")
    if bound.time is None or actual.time is None:
        return bound if actual.time is None else actual
    if bound.time != actual.time:
        raise times_differ(bound.time, actual.time)
    return bound


def match_inside(type: TypeExpr, actual: Type, scope: Scope) -> None:
    """As `unify`, for a value made in this body: a sequence needs a type that says `seq`, unless it
    is one of which the body sees a single element.
    """
    refuse_sequences(type, actual, scope)
    unify(type, actual, scope)


def refuse_sequences(type: TypeExpr, actual: Type, scope: Scope) -> None:
    """Raise `Mismatch` where the value is a sequence and the type has no `seq`."""
    match type, actual:
        case SeqType(), _:
            return
        case NameType(name=name), _ if name not in scope.names:
            return
        case TupleType(fields=parts), tuple() if len(parts) == len(actual):
            for part, inner in zip(parts, actual, strict=True):
                refuse_sequences(part.type, inner, scope)
        case _, TensorType(time=time) if time is not None and time not in scope.elements:
            raise Mismatch("")


def element_times(type: TypeExpr | None, actual: Type) -> frozenset[Time]:
    """The sequences that an input of a type takes element by element."""
    match type, actual:
        case SeqType(), _:
            return frozenset()
        case TupleType(fields=parts), tuple() if len(parts) == len(actual):
            pairs = zip(parts, actual, strict=True)
            return frozenset().union(*(element_times(p.type, inner) for p, inner in pairs))
        case _, tuple():
            return frozenset().union(*(element_times(None, inner) for inner in actual))
        case _, TensorType(time=time) if time is not None:
            return frozenset((time,))
    return frozenset()


def _match_time(written: Expr, actual: Time, scope: Scope) -> None:
    """Bind or compare the length in `seq(length)`."""
    if isinstance(written, Name) and written.name not in scope.names:
        scope.names[written.name] = Duration(actual) if isinstance(actual, str) else actual
        return
    meaning = scope.evaluate(written)
    require_sound(meaning)
    expected = time_of(meaning, written.span, scope)
    if expected == actual:
        return
    if isinstance(expected, int) and isinstance(actual, int):
        raise Mismatch(f"the length is {actual}")
    if isinstance(expected, int):
        raise Mismatch("its length differs from example to example")
    raise times_differ(expected, actual)


def match_sizes(written: tuple[Expr | Rest, ...], shape: tuple[int, ...], scope: Scope) -> None:
    """Match sizes one by one; `..s` takes what the others leave.

    Raises `Mismatch` where the number of sizes differs or a size does not fit.
    """
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
