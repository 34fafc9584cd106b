"""The first update, tried while the spec is compiled, to find settings that cannot work.

`beta1 = 1` divides 0 by 0, a schedule over 0 steps does, and a rate of 1e39 is no number of
float32.  So every rule is run once, for one parameter and a gradient of ones, and every schedule
for the updates that its first table holds; where the result is not finite, the number is sought
that makes it so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.problems import DiagnosticSink, ErrorAlreadyReported, SpecError
from gradc_compiler.elaborate.names.registry import Declared, Registry
from gradc_compiler.elaborate.names.scope import GraphContext, Scope
from gradc_compiler.elaborate.names.values import Layer, StaticValue, is_number
from gradc_compiler.elaborate.parameters.sampling import initial_spec
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph_tools.evaluate import evaluate

ORDINARY = 0.5  # replaces a setting, to see whether that setting is to blame
Update = Callable[[Scope], None]


def require_first_values(
    name: str, values: np.ndarray,
    schedule: StaticValue, again: Callable[[StaticValue], np.ndarray],
    span: Span, scope: Scope,
) -> None:  # fmt: skip
    """E0403 where a schedule begins with no number of float32, or comes to be none later on."""
    wrong = _senseless(values)
    if wrong is None:
        return
    place, because = span, ""
    for layer, setting, other in _variations(schedule):
        if _senseless(again(other)) is None:
            place = span_of_setting(layer, setting, span, scope)
            because = f"with `{setting} = {layer.settings[setting]}` "
            break
    found = float(values[wrong])
    shown = f"{found}, beyond float32," if np.isfinite(found) else f"{found}"
    at = f"after {wrong:,} updates" if wrong else "at the first update"
    raise scope.fault("E0403", f"{because}`{name}` is {shown} {at}", place)


def _senseless(values: np.ndarray) -> int | None:
    """The place of the first NaN; 0 where the first value is out of float32's range; or None."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    bad = np.isnan(single)
    bad[0] = not np.isfinite(single[0])
    return int(bad.argmax()) if bad.any() else None


def _variations(schedule: StaticValue) -> Iterator[tuple[Layer, str, StaticValue]]:
    """Each setting of a schedule that is a number, and the schedule with ORDINARY instead."""
    if not isinstance(schedule, Layer):
        return
    for name, meaning in schedule.settings.items():
        if is_number(meaning):
            other = {**schedule.settings, name: ORDINARY}
            yield schedule, name, replace(schedule, settings=other)
        for layer, setting, inner in _variations(meaning):
            yield layer, setting, replace(schedule, settings={**schedule.settings, name: inner})


def span_of_setting(layer: Layer, name: str, span: Span, scope: Scope) -> Span:
    """Where a setting of a layer is written; the whole where it is not."""
    written = scope.run.argument_spans.get(layer.span, {})
    names = [p.name for p in layer.defined.definition.settings]
    return written.get(name) or written.get(names.index(name)) or span


def require_first_update(
    optimizer: Layer,
    settings: Mapping[str, StaticValue],
    update: Callable[[Mapping[str, StaticValue], Scope], None],
    declared: Declared[Scope],
    span: Span,
    scope: Scope,
) -> None:
    """E0403 where a rule makes no number of a parameter of ones and a gradient of ones."""

    def moved(tried: Mapping[str, StaticValue]) -> float | None:
        return _moved(lambda inner: update(tried, inner), declared, scope)

    found = moved(settings)
    if found is None or np.isfinite(found):
        return
    place, because = span, ""
    for name, meaning in settings.items():
        if is_number(meaning):
            other = moved({**settings, name: ORDINARY})
            if other is not None and np.isfinite(other):
                place = span_of_setting(optimizer, name, span, scope)
                because = f"with `{name} = {meaning}` "
                break
    raise scope.fault("E0403", f"{because}the first update makes {found} of a parameter", place)


def _moved(update: Update, declared: Declared[Scope], scope: Scope) -> float | None:
    """A number that shows what a rule makes of ones; None where the rule cannot be tried alone."""
    registry = Registry(declared={declared.name: declared})
    run = GraphContext(registry, DiagnosticSink(), scope.run.language, training=True)
    values = {declared.name: np.ones(declared.type.shape), "seed": np.array(0), "step": np.array(0)}
    try:
        update(replace(scope, run=run))
        states = [d for d in registry.declared.values() if d is not declared]
        for spec in map(initial_spec, states):
            if spec is not None:
                values[spec.name] = evaluate(spec.initial, values)["value"]
    except (SpecError, ErrorAlreadyReported, TypeFault):
        return None
    if run.problems.found:
        return None
    graph = run.builder.graph({name: value.id for name, value in run.updates.items()})
    with np.errstate(all="ignore"):
        found = evaluate(graph, values, 1, "float32")
    numbers = np.concatenate([np.ravel(value) for value in found.values()])
    wrong = numbers[~np.isfinite(numbers)]
    return float(wrong[0] if wrong.size else numbers[0])
