"""Recurrences written out: `h = previous(start, xs)`, closed by `h' = e`.

The parts of e that do not depend on h are no part of the loop (Note [Recurrences] in
`differentiate`), so nothing needs to be hoisted here.
"""

from __future__ import annotations

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.sequences import (
    flag,
    of_an_element,
    sequence_within,
    time_argument,
    together,
)
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import POISON, StaticValue
from gradc_compiler.elaborate.parameters.parameters import fit
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.ops.sequence import Last, Previous, Reverse, TimeBroadcast, TimeSum
from gradc_compiler.syntax.grammar.tree import Expr, Update

WORDS = {"end": "last", "total": "time_sum"}  # how the language calls operators


def previous(
    scope: Scope, span: Span, start: StaticValue, over: StaticValue, backwards: StaticValue
) -> StaticValue:
    """`previous(start, xs)`: what its name is closed with, one step before."""
    time = time_argument(over, scope, scope.argument(span, "over"))
    reverse = flag(backwards, scope, scope.argument(span, "backwards"))
    before = step_before(first_state(start, scope, scope.argument(span, "start")), time, reverse)
    scope.opened[_loop(before)] = span
    return before


def note_name(name: str, meaning: StaticValue, scope: Scope) -> None:
    """Remember what a `previous` is called: `name' = e` closes it."""
    loop = meaning.node.op.carried_by if isinstance(meaning, Value) else None
    if loop is not None and loop in scope.opened:
        scope.loops[name] = loop


def close_named(tree: Update, scope: Scope) -> None:
    """`h' = e`: the value of h at the next step."""
    name = tree.target.name
    before, loop = scope.names[name], scope.loops[name]
    if loop not in scope.opened:
        raise scope.fault("E0313", f"`{name}` is given its next value twice", tree.span, "again")
    opened = scope.opened.pop(loop)
    if not (isinstance(before, Value) and before.node.op.carried_by == loop):
        abandon_loop(loop, scope)
        require_sound(before)
        message = f"`{name}` was given another value, and no longer names the recurrence"
        began = [(opened, "it began here")]
        raise scope.fault("E0313", message, tree.target.span, secondary=began)
    try:
        scope.names[f"{name}'"] = close(before, _next_value(tree.value, before, opened, scope))
    except (SpecError, ErrorAlreadyReported):
        scope.names[name] = POISON
        abandon(before)
        raise


def _next_value(tree: Expr, before: Value, opened: Span, scope: Scope) -> Value:
    """What a recurrence goes on with, once its type and its order in time are those it began with.

    Raises `SpecError`, or `ErrorAlreadyReported` for what has no meaning.
    """
    meaning = scope.evaluate(tree)
    require_sound(meaning)
    value = to_value(meaning, scope, tree.span)
    _check_next(before, value, tree.span, opened, scope)
    value = fit(value, before.type, tree.span, scope, opened)
    _check_order(before, value, tree.span, opened, scope)
    return value


def _check_next(before: Value, value: Value, span: Span, opened: Span, scope: Scope) -> None:
    """E0313 where a recurrence cannot go on with a value, E0311 where that may be longer."""
    together([before, value], scope, span)
    if value.type.kind is Kind.INDEX:
        raise scope.fault(
            "E0313",
            f"this recurrence began with {before.type}, and cannot go on with {value.type}",
            span,
            f"this is {value.type}",
            secondary=[(opened, "it begins here")],
        )


def _check_order(before: Value, value: Value, span: Span, opened: Span, scope: Scope) -> None:
    """E0313 where a step would read later steps: between the value of the step before and the next
    value stands an operator that needs the whole sequence, or that runs the other way.
    """
    graph = before.builder.graph({})
    for node in map(graph.__getitem__, sorted(graph.reachable([value.id]))):
        if _reads_others(node.op, before.node.op) and before.id in graph.reachable([node.id]):
            raise scope.fault(
                "E0313",
                "a step of this recurrence reads steps that come later",
                node.span or span,
                f"`{WORDS.get(node.op.name, node.op.name)}` needs all steps of it first",
                secondary=[(opened, "it begins here")],
            )


def _reads_others(op: Op, recurrence: Op) -> bool:
    """Whether an operator reads more of a sequence than a recurrence has computed so far."""
    if isinstance(op, Previous) and isinstance(recurrence, Previous):
        return op.backwards != recurrence.backwards
    return isinstance(op, Reverse | Last | TimeSum)


def check_closed(scope: Scope) -> None:
    """E0313 for each recurrence of a body that is not closed at its end."""
    for loop, span in list(scope.opened.items()):
        names = [name for name, other in scope.loops.items() if other == loop]
        name = names[0] if names else "h"
        scope.report(
            scope.fault(
                "E0313",
                "this recurrence has no next value",
                span,
                "it begins here",
                hint=f"{name}' = ... says what {name} is at the next step"
                if names
                else "give it a name: h = previous(...), and then h' = ...",
            )
        )
        del scope.opened[loop]
        abandon_loop(loop, scope)


def step_before(start: Value, time: Time, backwards: bool) -> Value:
    """The node for a recurrence's value one step before; `close` says later what that is."""
    builder = start.builder
    return builder.add(Previous(builder.new_loop(), time, backwards), start)


def close(before: Value, after: Value) -> Value:
    """Carry a value on to the next step; gives it, as a sequence."""
    assert before.type.time is not None, "a previous has a time"
    if after.type.time is None:
        after = before.builder.add(TimeBroadcast(before.type.time), after)
    before.builder.carries[_loop(before)] = after.id
    return after


def abandon(before: Value) -> None:
    """Close a recurrence that an error left open with its start, so that the graph stays one."""
    if _loop(before) not in before.builder.carries:
        close(before, before.builder.value(before.node.inputs[0]))


def abandon_loop(loop: int, scope: Scope) -> None:
    """The same for the loop of a number."""
    for node in scope.run.builder.nodes:
        if node.op.carried_by == loop:
            abandon(scope.run.builder.value(node.id))


def _loop(before: Value) -> int:
    op = before.node.op
    assert isinstance(op, Previous), "a recurrence begins with a previous"
    return op.loop


def first_state(start: StaticValue, scope: Scope, span: Span) -> Value:
    """What a recurrence starts with: one tensor of numbers."""
    value = to_value(start, scope, span)
    if of_an_element(value, scope):
        raise sequence_within("a recurrence that starts with this", scope, span)
    if value.type.time is not None or value.type.kind is Kind.INDEX:
        raise scope.fault(
            "E0312",
            f"a recurrence starts with one tensor of numbers, this is {value.type}",
            span,
            hint="first(xs) and last(xs) are one element of a sequence"
            if value.type.time is not None
            else "one_hot(label, k) makes a vector of a label",
        )
    return value
