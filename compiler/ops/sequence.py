"""Sequences: what knows about time.  Every other operator is meant for each element.

    previous   y[0] = start, y[t] = c[t - 1]      c: the node that the loop carries on
    spread     y[t] = x for every t               its transpose: `total`
    total      y = sum over t of x[t]             its transpose: `spread`
    end        y = x[T - 1]                       its transpose: `at_end`
    at_end     y[T - 1] = x, else 0               its transpose: `end`
    reverse    y[t] = x[T - 1 - t]                its own transpose
    from_rows  y[t, ...] = x[t]                   its transpose: `take` at `position`
    length     T
    position   y[t] = t

Each one's transpose is here, so derivatives of any order need no further rule.  A recurrence
h[t] = f(h[t - 1], x[t]) is `previous` and a carry from f's node; its derivative is a recurrence in
the other direction (backpropagation through time: Werbos, Proc. IEEE 78(10), 1990), which
`differentiate` closes.  The end of an empty sequence is 0.

Reference arrays of these operators come with a `SequenceIndex`, which knows the rows of each
example.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, require
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.ragged import SequenceIndex
from gradc_compiler.graph.types import Kind, TensorType, Time
from gradc_compiler.ops.index import Take
from gradc_compiler.ops.pairwise_sums import add_at_rows
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True)
class Sequential(Op):
    """Base of the operators that know about time."""

    sequential: ClassVar[bool] = True
    makes_varying: ClassVar[bool] = True
    adds: ClassVar[bool] = True

    def mapped(self) -> Sequential:
        return self

    def timed(self, clock: SequenceIndex, *arrays: Array) -> Array:
        """The result in NumPy: a row for each element of a sequence, or for each example."""
        raise NotImplementedError(self.name)


def require_sequence(x: TensorType, what: str) -> None:
    """Raise `TypeFault` unless x is a sequence."""
    require(x.time is not None, f"{what} is for sequences, got {x}")


@register
@dataclass(frozen=True)
class Previous(Op):
    """A value one step before, `start` at the first step.

    With `backwards` time runs from the end: a value one step after, `start` at the last step.
    """

    loop: int
    time: Time
    backwards: bool = False
    name: ClassVar[str] = "previous"
    sends: ClassVar[str] = (
        "`g[0]` for start; what is carried gets `g[t + 1]`, a recurrence backwards in time"
    )
    sequential: ClassVar[bool] = True
    adds: ClassVar[bool] = True
    makes_varying: ClassVar[bool] = True

    @property
    def carried_by(self) -> int:
        """Its own number."""
        return self.loop

    def infer(self, start: TensorType) -> TensorType:
        require(start.time is None, f"a sequence starts with one element, got {start}")
        require(start.kind is Kind.REAL, f"numbers are carried from step to step, got {start}")
        return start.over(self.time)

    def vjp(self, g: Value, y: Value, start: Value) -> list[Value | None]:
        return [g.builder.add(Last(first=not self.backwards), g)]


@register
@dataclass(frozen=True)
class TimeBroadcast(Sequential):
    """One value for every element of a sequence."""

    time: Time
    name: ClassVar[str] = "spread"
    sends: ClassVar[str] = "`total(g)`"

    def infer(self, x: TensorType) -> TensorType:
        require(x.time is None, f"{x} is a sequence already")
        return x.over(self.time)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(TimeSum(), g)]

    def timed(self, clock: SequenceIndex, x: Array) -> Array:
        return np.broadcast_to(x, (len(clock.lengths), *x.shape[1:]))[clock.owner]


@register
@dataclass(frozen=True)
class TimeSum(Sequential):
    """The sum of a sequence's elements, in the order of time.

    As a `pair` the sum of [2, ...] is the sum: of the elements, and of what rounding lost of it.
    """

    pair: bool = False
    name: ClassVar[str] = "total"
    sends: ClassVar[str] = "`spread(g)`: g at every step"

    def infer(self, x: TensorType) -> TensorType:
        require_sequence(x, "a sum over time")
        return TensorType((2, *x.shape) if self.pair else x.shape)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        assert not self.pair, "differentiate before sums are cut"
        return [g.builder.add(TimeBroadcast(time_of(x)), g)]

    def timed(self, clock: SequenceIndex, x: Array) -> Array:
        result = np.zeros((len(clock.lengths), *x.shape[1:]), x.dtype)
        add_at_rows(result, clock.owner, x)
        return np.stack([result, np.zeros_like(result)], axis=1) if self.pair else result


@register
@dataclass(frozen=True)
class Last(Sequential):
    """The last element of a sequence, or the first; 0 of an empty one."""

    first: bool = False
    name: ClassVar[str] = "end"
    sends: ClassVar[str] = "g at the last step, 0 before"

    def infer(self, x: TensorType) -> TensorType:
        require_sequence(x, "an end")
        return x.over(None)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(AtLast(time_of(x), self.first), g)]

    def timed(self, clock: SequenceIndex, x: Array) -> Array:
        rows, empty = clock.ends(self.first)
        result = np.zeros((len(clock.lengths), *x.shape[1:]), x.dtype)
        result[~empty] = x[rows[~empty]]
        return result


@register
@dataclass(frozen=True)
class AtLast(Sequential):
    """A sequence that is 0 but for its last element, or its first."""

    time: Time
    first: bool = False
    name: ClassVar[str] = "at_end"
    sends: ClassVar[str] = "`end(g)`"

    def infer(self, x: TensorType) -> TensorType:
        require(x.time is None, f"{x} is a sequence already")
        return TensorType(x.shape).over(self.time)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(Last(self.first), g)]

    def timed(self, clock: SequenceIndex, x: Array) -> Array:
        rows, empty = clock.ends(self.first)
        result = np.zeros((len(clock.owner), *x.shape[1:]), x.dtype)
        result[rows[~empty]] = np.broadcast_to(x, (len(clock.lengths), *x.shape[1:]))[~empty]
        return result


@register
@dataclass(frozen=True)
class Reverse(Sequential):
    """A sequence from its end to its beginning."""

    name: ClassVar[str] = "reverse"
    sends: ClassVar[str] = "`reverse(g)`"

    def infer(self, x: TensorType) -> TensorType:
        require_sequence(x, "reverse")
        return x

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(Reverse(), g)]

    def timed(self, clock: SequenceIndex, x: Array) -> Array:
        return x[clock.mirror]


@register
@dataclass(frozen=True)
class FromRows(Sequential):
    """The elements of a sequence of fixed length as the rows of a tensor."""

    name: ClassVar[str] = "from_rows"
    sends: ClassVar[str] = "row t of g"
    row_major: ClassVar[bool] = True

    def infer(self, x: TensorType) -> TensorType:
        require(isinstance(x.time, int), f"rows are for sequences of fixed length, got {x}")
        return TensorType((int(x.time or 0), *x.shape), x.kind, x.classes)

    def vjp(self, g: Value, y: Value, x: Value) -> list[Value | None]:
        return [g.builder.add(Take(), g, g.builder.add(TimePosition(time_of(x))))]

    def timed(self, clock: SequenceIndex, x: Array) -> Array:
        result = np.zeros((len(clock.lengths), clock.longest, *x.shape[1:]), x.dtype)
        result[clock.owner, clock.position] = x
        return result


@register
@dataclass(frozen=True)
class Length(Sequential):
    """How many elements the sequences of a time have."""

    time: Time
    name: ClassVar[str] = "length"

    def infer(self) -> TensorType:
        return TensorType((), Kind.INDEX)

    def timed(self, clock: SequenceIndex) -> Array:
        return clock.lengths


@register
@dataclass(frozen=True)
class TimePosition(Sequential):
    """0, 1, ... for the elements of a sequence."""

    time: Time
    name: ClassVar[str] = "position"

    def infer(self) -> TensorType:
        return TensorType((), Kind.INDEX, time=self.time)

    def timed(self, clock: SequenceIndex) -> Array:
        return clock.position


def time_of(x: Value) -> Time:
    """The time of a sequence."""
    assert x.type.time is not None, f"%{x.id} is no sequence"
    return x.type.time
