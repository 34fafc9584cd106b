"""Functions of sequences: their ends, their length, sums over time.  Rows of `builtins`.

Everything else of the language is meant for each element of a sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value, truth
from gradc_compiler.elaborate.functions.tensors import real
from gradc_compiler.elaborate.names.problems import SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Duration, Record, StaticValue
from gradc_compiler.elaborate.types.sizes import time_of
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Op, TimesDiffer, TypeFault
from gradc_compiler.graph.types import Time
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.sequence import AtLast, Last, Reverse, TimeBroadcast, TimePosition, TimeSum


def sequence(x: StaticValue, scope: Scope, span: Span, what: str) -> Value:
    """x as a sequence; E0310 if it is none, or if this body sees its elements one by one."""
    value = to_value(x, scope, span)
    if value.type.time is None:
        raise scope.fault(
            "E0310",
            f"`{what}` is for a sequence, this is {value.type}",
            span,
            hint="declare it as a sequence: seq [3]" if what == "scan" else None,
        )
    if value.type.time in scope.elements:
        raise scope.fault(
            "E0310",
            f"`{what}` is for a sequence, and this body sees one element of it",
            span,
            hint="declare the input as a sequence: xs : seq [n]",
        )
    return value


def together(values: Sequence[Value], scope: Scope, span: Span) -> Time:
    """The one time of several sequences; E0311 where they may differ in length."""
    times = list(dict.fromkeys(v.type.time for v in values if v.type.time is not None))
    if len(times) > 1:
        raise differing(times, span, scope)
    return times[0]


def differing(times: Sequence[Time], span: Span, scope: Scope) -> SpecError:
    """E0311: sequences that may differ in length are combined."""
    places = [
        (scope.run.times[t], f"as long as `{t}`" if isinstance(t, str) else f"{t} elements")
        for t in times
        if t in scope.run.times
    ]
    named = " and ".join(f"`{t}`" if isinstance(t, str) else str(t) for t in times)
    return scope.fault(
        "E0311",
        f"these sequences may differ in length: {named}",
        span,
        secondary=places,
        hint="declare both with one length, seq(n); where they differ, lay one out in places:"
        " scatter(xs, place(xs), 16)",
    )


def of_types(fault: TypeFault, span: Span, scope: Scope) -> SpecError:
    """E0311 or E0303: an operator was given types that do not fit."""
    if isinstance(fault, TimesDiffer):
        return differing(fault.times, span, scope)
    return scope.fault("E0303", str(fault), span)


def time_argument(over: StaticValue, scope: Scope, span: Span) -> Time:
    """How many steps: a number, a length, or as many as a sequence has elements."""
    require_sound(over)
    time = time_of(over, span, scope)
    require_outside(time, scope, span)
    return time


def require_outside(time: Time, scope: Scope, span: Span) -> None:
    """E0312 where a body that sees one element of a sequence would run along it."""
    if time in scope.elements:
        raise scope.fault(
            "E0312",
            "this body sees one element of a sequence as long as this, and there are no sequences "
            "within sequences",
            span,
            hint="declare the input as a sequence: xs : seq [n]",
        )


def of_an_element(value: Value, scope: Scope) -> bool:
    """Whether it is a value of the one element of a sequence that this body sees."""
    return value.type.time is not None and value.type.time in scope.elements


def sequence_within(what: str, scope: Scope, span: Span) -> SpecError:
    """E0312: a sequence for each element of a sequence."""
    return scope.fault(
        "E0312",
        f"this body sees one element of a sequence, and {what} would be a sequence within it",
        span,
        hint="a known number of steps can be written out: after s = step() the chain "
        "h |> s |> s |> s takes three, all with the parameters of s",
    )


def flag(word: StaticValue, scope: Scope, span: Span) -> bool:
    """A setting that is true or false, known now; false where it is left out."""
    return word is not None and truth(word, scope, span)


def _of_each_part(name: str, op: Op) -> Callable[..., StaticValue]:
    """A function of one sequence; of a tuple of them, of each."""

    def rule(scope: Scope, span: Span, xs: StaticValue) -> StaticValue:
        if isinstance(xs, Record):
            return Record.of(tuple(rule(scope, span, x) for x in xs), xs.names)
        if isinstance(xs, tuple):
            return tuple(rule(scope, span, x) for x in xs)
        return scope.run.builder.add(op, sequence(xs, scope, span, name))

    return rule


last = _of_each_part("last", Last())
first = _of_each_part("first", Last(first=True))
reverse = _of_each_part("reverse", Reverse())


def time_sum(scope: Scope, span: Span, xs: StaticValue) -> StaticValue:
    """The sum of a sequence's elements; 0 of an empty one."""
    return scope.run.builder.add(
        TimeSum(), real(sequence(xs, scope, span, "time_sum"), scope, span)
    )


def length(scope: Scope, span: Span, xs: StaticValue) -> StaticValue:
    """How many elements: a number known now where it is fixed."""
    known = xs if isinstance(xs, Duration | int) else sequence(xs, scope, span, "length")
    time = time_of(known, span, scope)
    return Duration(time) if isinstance(time, str) else time


def position(scope: Scope, span: Span, xs: StaticValue) -> StaticValue:
    """0, 1, ... for the elements of a sequence."""
    return scope.run.builder.add(TimePosition(time_argument(xs, scope, span))) * 1.0


def place(scope: Scope, span: Span, xs: StaticValue) -> StaticValue:
    """The same as labels: W[place(xs)] takes a row of W for every element."""
    return scope.run.builder.add(TimePosition(time_argument(xs, scope, span)))


def rows(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    """A tensor's rows, along its first axis, as a sequence of fixed length."""
    value = real(x, scope, span)
    if of_an_element(value, scope):
        raise sequence_within("`rows` of it", scope, span)
    if not value.shape or value.type.time is not None:
        raise scope.fault("E0312", f"`rows` is for one tensor with axes, got {value.type}", span)
    builder = scope.run.builder
    return builder.add(Take(), value, builder.add(TimePosition(value.shape[0])))


def from_rows(scope: Scope, span: Span, xs: StaticValue) -> StaticValue:
    """The elements of a sequence of fixed length as the rows of a tensor."""
    value = real(sequence(xs, scope, span, "from_rows"), scope, span)
    steps = value.type.time
    if not isinstance(steps, int):
        raise scope.fault(
            "E0312",
            f"the length of {value.type} differs from example to example, a tensor's does not",
            span,
            hint="declare it with a fixed length: seq(20) [3]",
        )
    builder = scope.run.builder
    return builder.add(
        TimeSum(), builder.add(Scatter(steps), value, builder.add(TimePosition(steps)))
    )


def zipped(scope: Scope, span: Span, parts: tuple[StaticValue, ...]) -> StaticValue:
    """Sequences of one length, as a tuple that `scan` takes step by step."""
    together([sequence(x, scope, span, "zip") for x in parts], scope, span)
    return tuple(parts)


def spread(scope: Scope, span: Span, x: StaticValue, over: StaticValue) -> StaticValue:
    """x for every element of a sequence."""
    value = to_value(x, scope, span)
    time = time_argument(over, scope, scope.argument(span, "over"))
    return scope.run.builder.add(TimeBroadcast(time), value)


def at_end(
    scope: Scope, span: Span, x: StaticValue, over: StaticValue, at_first: StaticValue = None
) -> StaticValue:
    """A sequence that is 0 but for its last element, or with `first` its first."""
    time = time_argument(over, scope, scope.argument(span, "over"))
    first = flag(at_first, scope, scope.argument(span, "first"))
    return scope.run.builder.add(AtLast(time, first), real(x, scope, span))
