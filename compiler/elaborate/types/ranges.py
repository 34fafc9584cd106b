"""Ranges of settings, declared beside them: `beta1 : share = 0.9`; of inputs that have a default,
likewise.

A value outside its range is refused, be it a number of the spec, a number of the command line or a
value of a schedule.  A value that the network computes is not known yet, and is not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isnan

import numpy as np

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import (
    Defined,
    Layer,
    StaticText,
    StaticValue,
    is_number,
)
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.syntax.grammar.tree import Definition, NameType, Parameter

RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "share": (lambda x: 0 <= x < 1, "a number from 0 to below 1"),
    "proportion": (lambda x: 0 <= x <= 1, "a number from 0 to 1"),
    "positive": (lambda x: x > 0, "a number above 0"),
    "nonnegative": (lambda x: x >= 0, "a number, 0 or more"),
}


def has_range(parameter: Parameter) -> bool:
    """Whether an input is a number with a default and a range; else its type is one of tensors."""
    named = isinstance(parameter.type, NameType) and parameter.type.name in RANGES
    return named and parameter.default is not None


def require_in_range(
    definition: Definition, parameter: Parameter, meaning: StaticValue, span: Span, scope: Scope
) -> None:
    """E0403 where a setting is a number outside the range that is declared for it."""
    if not isinstance(parameter.type, NameType) or parameter.type.name not in RANGES:
        return
    fits, wanted = RANGES[parameter.type.name]
    later = isinstance(meaning, Value | Layer | Defined)  # known once it runs, or a schedule
    if not later and not (is_number(meaning) and fits(meaning)):
        raise scope.fault(
            "E0403",
            f"`{parameter.name}` of `{definition.name}` is {wanted}, got {describe(meaning)}",
            span,
            hint="numbers stand without quotes" if isinstance(meaning, StaticText) else None,
        )


def require_replaced_in_range(
    optimizer: Layer, replaced: Mapping[str, StaticValue], scope: Scope
) -> None:
    """The same for settings that come from outside."""
    definition = optimizer.defined.definition
    for parameter in definition.settings:
        if parameter.name in replaced:
            meaning = replaced[parameter.name]
            require_in_range(definition, parameter, meaning, optimizer.span, scope)


def require_schedule_in_range(
    optimizer: Layer, name: str, values: np.ndarray, span: Span, scope: Scope
) -> None:
    """E0403 where a schedule leaves the range of the setting that it is."""
    definition = optimizer.defined.definition
    for parameter in definition.settings:
        if parameter.name != name or not isinstance(parameter.type, NameType):
            continue
        fits, wanted = RANGES.get(parameter.type.name, (lambda x: True, ""))
        outside = (k for k, x in enumerate(values.tolist()) if not (fits(x) or isnan(x)))
        if (first := next(outside, None)) is not None:
            at = f"after {first:,} updates" if first else "at the first update"
            message = f"`{name}` of `{definition.name}` is {wanted}; this is {values[first]} {at}"
            raise scope.fault("E0403", message, span)
