"""Cells step by step: what `scan(cell)` and `unfold(n, cell)` give when they are applied.

A cell is a layer from (state, input) to the next state.  A scan is the recurrence written out: take
the state of the step before, apply the cell to it, and carry its result on to the next step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.sequences import (
    of_an_element,
    require_outside,
    sequence,
    sequence_within,
    together,
)
from gradc_compiler.elaborate.names.problems import SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Layer, Record, Recurrent, Sizes, StaticValue
from gradc_compiler.elaborate.parameters.parameters import fit
from gradc_compiler.elaborate.parameters.recurrence import abandon, close, first_state, step_before
from gradc_compiler.elaborate.types.show_types import describe, show_type, type_of
from gradc_compiler.elaborate.types.sizes import Type, resolve, unbound_in_type
from gradc_compiler.elaborate.types.unify import Mismatch, unify
from gradc_compiler.graph.types import TensorType, Time


def apply_recurrent(loop: Recurrent, given: StaticValue, span: Span, scope: Scope) -> StaticValue:
    """The states of a cell after each step, as a sequence."""
    time = _time(loop, given, span, scope)
    require_outside(time, scope, span)
    inner = replace(scope, elements=scope.elements | {time})
    wanted = _state_type(loop.cell, given, inner)
    starts = _starts(loop.start, wanted, loop.cell, span, scope)
    befores = _steps_before(starts, time, loop)
    try:
        after = inner.call(loop.cell, [befores, given], span)
        require_sound(after)
        states = _closed(befores, after, loop.cell, span, scope)
    finally:
        for before in _leaves(befores):
            abandon(before)
    return states if loop.all else next(_leaves(states))


def _time(loop: Recurrent, given: StaticValue, span: Span, scope: Scope) -> Time:
    if loop.over is None:
        parts = given if isinstance(given, tuple) and given else (given,)
        return together([sequence(p, scope, span, "scan") for p in parts], scope, span)
    require_outside(loop.over, scope, span)
    for part in _leaves(given):
        value = to_value(part, scope, span)
        if of_an_element(value, scope):
            raise sequence_within("`unfold` of it", scope, span)
        if value.type.time is not None:
            raise scope.fault(
                "E0312",
                f"`unfold` gives every step the same input, this is {value.type}",
                span,
                hint="xs |> last is one element of xs; scan goes over all",
            )
    return loop.over


def _state_type(cell: Layer, given: StaticValue, scope: Scope) -> Type:
    """The type of a cell's state, as its first input declares it; None if that is left open."""
    state, element = cell.defined.definition.inputs
    trial = Scope(scope.run, cell.defined.unit, scope.path, dict(cell.settings), site=scope.site)
    type = type_of(given)
    if element.type is not None and type is not None:
        with suppress(Mismatch):  # reported when the cell is applied
            unify(element.type, type, trial)
    if state.type is None or unbound_in_type(state.type, trial):
        return None
    return resolve(state.type, trial)


def _steps_before(starts: StaticValue, time: Time, loop: Recurrent) -> StaticValue:
    """The state one step before, part by part."""
    if isinstance(starts, tuple):
        return tuple(_steps_before(part, time, loop) for part in starts)
    return step_before(starts, time, loop.backwards)


def _starts(start: StaticValue, wanted: Type, cell: Layer, span: Span, scope: Scope) -> StaticValue:
    """The first state: as given, or zeros of the wanted type."""
    if wanted is None and isinstance(start, tuple) and start and not isinstance(start, Sizes):
        return tuple(_starts(part, None, cell, span, scope) for part in start)
    if isinstance(wanted, tuple):
        parts = (None,) * len(wanted) if start is None else start
        if not isinstance(parts, tuple) or len(parts) != len(wanted):
            raise _other_parts(start, wanted, cell, span, scope)
        return tuple(
            _starts(part, inner, cell, span, scope)
            for part, inner in zip(parts, wanted, strict=True)
        )
    if start is not None:
        value = first_state(start, scope, span)
        return value if wanted is None else fit(value, wanted, span, scope)
    if wanted is None:
        raise scope.fault(
            "E0314",
            f"nothing says what state `{cell.defined.definition.name}` starts with",
            span,
            secondary=[(cell.defined.definition.inputs[0].span, "its type leaves it open")],
            hint="give it: start = zeros([64])",
        )
    return scope.run.builder.constant(0.0, wanted.shape)


def _other_parts(
    start: StaticValue, wanted: Type, cell: Layer, span: Span, scope: Scope
) -> SpecError:
    """E0314: the start has other parts than the state."""
    definition = cell.defined.definition
    message = (
        f"the state of `{definition.name}` is {show_type(wanted)}, it cannot start with "
        f"{describe(start)}"
    )
    declared = [(definition.inputs[0].span, "declared here")]
    return scope.fault("E0314", message, span, secondary=declared)


def _closed(
    before: StaticValue, after: StaticValue, cell: Layer, span: Span, scope: Scope
) -> StaticValue:
    """Carry every part of the next state on; E0314 if its type is not that of the state."""
    if isinstance(before, tuple):
        if isinstance(after, tuple) and len(after) == len(before):
            pairs = zip(before, after, strict=True)
            parts = tuple(_closed(b, a, cell, span, scope) for b, a in pairs)
            return Record.of(parts, after.names) if isinstance(after, Record) else parts
    elif not isinstance(after, tuple):
        value = to_value(after, scope, span)
        if value.type.over(None) == before.type.over(None):
            return close(before, value)
    definition = cell.defined.definition
    raise scope.fault(
        "E0314",
        f"`{definition.name}` goes from the state {_element(before)} to {_element(after)}",
        span,
        secondary=[(definition.inputs[0].span, "the state")],
        hint="a cell gives the next state, which is like the state before",
    )


def _element(state: StaticValue) -> str:
    """The type of one step's state, for people."""
    if isinstance(state, tuple):
        return f"({', '.join(map(_element, state))})"
    found = type_of(state)
    return str(found.over(None)) if isinstance(found, TensorType) else describe(state)


def _leaves(state: StaticValue) -> Iterator[StaticValue]:
    """The tensors of a state, in order."""
    if isinstance(state, tuple):
        for part in state:
            yield from _leaves(part)
    else:
        yield state
