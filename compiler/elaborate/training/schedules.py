"""Settings that change from update to update: the step reads them from a table filled ahead.

A schedule is a function of one number, the count of updates that its step has made.  It becomes a
graph of its own, which the host evaluates in float64 for AHEAD updates at a time; the step reads
its value at a place in that table and moves the place on.  So every target, at either width and in
the native loop over many steps, uses the same numbers, and no count is ever held in few bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.layers.calls import call
from gradc_compiler.elaborate.models.settings import is_schedule
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.registry import PersistentSpec
from gradc_compiler.elaborate.names.scope import GraphContext, Scope
from gradc_compiler.elaborate.names.spec_limits import LimitedBuilder
from gradc_compiler.elaborate.names.values import Layer, StaticValue
from gradc_compiler.elaborate.parameters.first_update import require_first_values
from gradc_compiler.elaborate.types.ranges import require_schedule_in_range
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.types import SCALAR, Kind, TensorType
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.index import Increment, Take
from gradc_compiler.ops.leaf import Constant, Input, Iota, Literal
from gradc_compiler.program.program import COUNT, Schedules

AHEAD = 4096  # updates that a table knows
LEAVES = (Input, Constant, Literal, Iota)  # what a schedule may be made of
PLACE, BASE = "schedule/place", "schedule/base"
WHOLE = TensorType((), Kind.INDEX)


def scheduled(optimizer: Layer, prefix: str, span: Span, scope: Scope) -> dict[str, StaticValue]:
    """The settings of an optimizer with every schedule's value at this update."""
    settings = optimizer.settings
    found = {name: meaning for name, meaning in settings.items() if is_schedule(meaning)}
    if not found:
        return dict(settings)
    run, builder = scope.run, scope.run.builder
    graphs = {
        f"{prefix}schedule/{name}": _graph(name, meaning, span, scope)
        for name, meaning in found.items()
    }
    specs = [_table(name, graph, span) for name, graph in graphs.items()]
    for (name, schedule), graph in zip(found.items(), graphs.values(), strict=True):
        again = partial(_first_values, name, span=span, scope=scope)
        table = values_from(graph, 0)
        require_first_values(name, table, schedule, again, span, scope)
        require_schedule_in_range(optimizer, name, table, span, scope)
    run.registry.tables += specs
    place = _counted_place(prefix, graphs, span, run)
    tables = (run.persistent(name, TensorType((AHEAD,))) for name in graphs)
    values = (builder.add(Take(), table, place) for table in tables)
    return {**settings, **dict(zip(found, values, strict=True))}


def _counted_place(
    prefix: str, graphs: Mapping[str, Graph], span: Span, run: GraphContext
) -> Value:
    """The place that an optimizer reads in its tables; every update moves it on by 1."""
    place, base = f"{prefix}{PLACE}", f"{prefix}{BASE}"
    run.registry.tables += [
        _host_spec(place, WHOLE, span),
        _host_spec(base, TensorType((2,), Kind.INDEX), span),
    ]
    run.registry.schedules[prefix] = Schedules(
        tables=graphs, place=place, base=base, count=f"{prefix}{COUNT}"
    )
    now = run.persistent(place, WHOLE, index=True)
    run.updates[place] = run.builder.add(Increment(), now)
    return now


def _graph(name: str, schedule: StaticValue, span: Span, scope: Scope) -> Graph:
    """A schedule's value as a graph of the count `t`; E0403 where it depends on anything else."""
    run = scope.run.apart(LimitedBuilder(span=span))
    inner = replace(scope, run=run)
    t = run.builder.add(Input("t"), name="t")
    meaning = call(_at(schedule, t, span, inner), [t], {}, span, inner)
    require_sound(meaning)
    value = to_value(meaning, inner, span)
    if value.type != SCALAR:
        raise scope.fault("E0403", f"`{name}` is one number at a time, not {value.type}", span)
    for node in run.builder.nodes:
        if not node.inputs and not isinstance(node.op, LEAVES):
            raise scope.fault(
                "E0403",
                f"`{name}` depends on {node.name or node.op.name}; a schedule is told the count "
                "of updates, and nothing else",
                span,
            )
    return run.builder.graph({"value": value.id})


def _at(schedule: StaticValue, t: StaticValue, span: Span, scope: Scope) -> StaticValue:
    """The value of a schedule at update t, where its settings may be schedules too."""
    if not isinstance(schedule, Layer):
        return schedule
    settings = dict(schedule.settings)
    for name, meaning in settings.items():
        if is_schedule(meaning):
            table = values_from(_graph(name, meaning, schedule.span, scope), 0)
            require_schedule_in_range(schedule, name, table, schedule.span, scope)
            settings[name] = call(_at(meaning, t, span, scope), [t], {}, span, scope)
            require_sound(settings[name])
        elif not isinstance(meaning, int | float):
            kind = schedule.defined.definition.name
            raise scope.fault(
                "E0403",
                f"`{name}` of `{kind}` is a number known while the spec is compiled, or a "
                f"schedule; this is {describe(meaning)}",
                schedule.span,
            )
    return replace(schedule, settings=settings)


def values_from(graph: Graph, first: int) -> np.ndarray:
    """What a schedule is at the updates `first`, `first` + 1, ..., in float64."""
    counts = float(first) + np.arange(float(AHEAD))
    with np.errstate(all="ignore"):
        found = evaluate(graph, {"t": counts}, AHEAD, "float64")["value"]
    return np.broadcast_to(found, (AHEAD,))


def _first_values(name: str, schedule: StaticValue, *, span: Span, scope: Scope) -> np.ndarray:
    return values_from(_graph(name, schedule, span, scope), 0)


def first_of(
    settings: Mapping[str, StaticValue], prefix: str, scope: Scope
) -> dict[str, StaticValue]:
    """The settings with numbers in the place of schedules: those of the first update."""
    known = scope.run.registry.schedules.get(prefix)
    graphs = known.tables if known is not None else {}
    return {
        name: float(values_from(graphs[f"{prefix}schedule/{name}"], 0)[0])
        if is_schedule(meaning)
        else meaning
        for name, meaning in settings.items()
    }


def _table(name: str, graph: Graph, span: Span) -> PersistentSpec:
    """The table as it is before the first update."""
    values, builder = values_from(graph, 0), Builder(span=span)
    literal = builder.add(Literal(tuple(values.tolist()), (AHEAD,)))
    return PersistentSpec(
        name=name,
        type=TensorType((AHEAD,)),
        role="schedule",
        initial=builder.graph({"value": literal.id}),
        span=span,
    )


def _host_spec(name: str, type: TensorType, span: Span) -> PersistentSpec:
    """A whole number that begins with 0."""
    builder = Builder(span=span)
    return PersistentSpec(
        name=name,
        type=type,
        role="schedule",
        initial=builder.graph({"value": builder.constant(0.0, type.shape).id}),
        span=span,
    )
