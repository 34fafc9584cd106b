"""A report has a model's result from before: `minimize ... f(x) ... report accuracy(f(x), y)`.

Nearly every step reports on the model that it minimizes.  Without this module the report would
elaborate the whole network again, and its nodes would be found equal and merged later.  A result
may be reused if it follows from the inputs alone: the model draws no noise, and no state has been
updated in between.  Only reports reuse results.  In the loss every application that is written is
elaborated, since its derivative is a sum over the applications in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from gradc_compiler.elaborate.names.scope import GraphContext, Scope
from gradc_compiler.elaborate.names.values import Layer, StaticValue
from gradc_compiler.graph.graph import Value


def known_result(
    layer: Layer, given: Mapping[str, StaticValue], inner: Scope, make: Callable[[], StaticValue]
) -> StaticValue:
    """What a layer gives in the scope of its body; `make` elaborates that where it is not known."""
    run, key = inner.run, _key_of(layer, given, inner)
    if key is None or run.updates:
        return make()
    if run.reporting and key in run.results:
        return run.results[key]
    drawn = dict(run.occurrences)
    result = make()
    if drawn == run.occurrences and _is_sound(result, run):
        run.results[key] = result
    return result


def _key_of(layer: Layer, given: Mapping[str, StaticValue], inner: Scope) -> Hashable | None:
    """What the result of a model on tensors follows from; None for anything else."""
    if not layer.defined.is_model or layer.settings or inner.run.drawing is not None:
        return None
    inputs = [v.id for v in given.values() if isinstance(v, Value)]
    if len(inputs) < len(given):
        return None
    definition = id(layer.defined.definition)  # stays unique while the graph is made
    return definition, tuple(inputs), inner.elements, inner.run.builder.remat


def _is_sound(result: StaticValue, run: GraphContext) -> bool:
    """Whether a result is tensors of this graph."""
    parts = result if isinstance(result, tuple) else (result,)
    return all(isinstance(part, Value) and part.builder is run.builder for part in parts)
