"""What compiles and is hardly meant: a look at what a spec became, before anything runs.

`unused` and `unused_names` look at what is declared, `losses` and `singular` at what a step of the
training computes, `habits` at what other frameworks mean by the same words, `contraction_names` at
constants among indices.
Each warning is a function that yields `FoundWarning`s; a row gives it its code.  It says only what
is certain: the place is the author's own, and what is said of it holds whatever the data are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradc_compiler.diagnostics.source import WARNING, Diagnostic, Label
from gradc_compiler.elaborate import Module
from gradc_compiler.warnings import (
    contraction_names,
    habits,
    losses,
    singular,
    unused,
    unused_names,
)
from gradc_compiler.warnings.step_view import FoundWarning, Look

OF_MODULES: dict[str, Callable[[Module], Iterator[FoundWarning]]] = {
    "W0005": unused.unread,
    "W0007": unused.hidden_models,
    "W0008": unused_names.unused_names,
    "W0009": unused_names.never_looked_at,
    "W0010": habits.batch_axis,
    "W0016": contraction_names.constant_indices,
}
OF_STEPS: dict[str, Callable[[Look], Iterator[FoundWarning]]] = {
    "W0001": losses.softmax_twice,
    "W0002": losses.squashed_twice,
    "W0003": singular.singular,
    "W0004": losses.outer_losses,
    "W0006": losses.constants,
    "W0011": habits.channels_first,
    "W0012": habits.squashed_logits,
    "W0013": habits.dead_parameters,
    "W0014": habits.large_rates,
}
OF_DATA = ("W0015",)  # on first examples, which the runtime reads: `unscaled_inputs`


def warnings_of(module: Module) -> tuple[Diagnostic, ...]:
    """Every warning, once, the main file first, in text order."""
    pairs = [(code, found) for code, rule in OF_MODULES.items() for found in rule(module)]
    steps = module.train.steps if module.train else ()
    for look in (Look(module, step) for step in steps):
        pairs += [(code, found) for code, rule in OF_STEPS.items() for found in rule(look)]
    first = module.unit.source.name
    known = {
        (found.span.source.name != first, found.span.source.name, found.span.start, code): found
        for code, found in reversed(pairs)
    }
    return tuple(_diagnostic(key[-1], known[key]) for key in sorted(known))


def _diagnostic(code: str, found: FoundWarning) -> Diagnostic:
    return Diagnostic(
        code=code,
        message=found.message,
        primary=Label(found.span, found.label),
        secondary=found.secondary,
        hint=found.hint,
        severity=WARNING,
    )
