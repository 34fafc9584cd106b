"""How far an update moves where its gradients are off by a rounding.

Adam divides a gradient by its size, so of one that is 0 but for rounding (a bias that softmax takes
no notice of) it makes a step of any length up to its rate, in either direction.  What such an
update should be nobody can say more closely than its rule tells: between what it makes of the
gradient less its error and of the gradient plus its error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.outputs import Role, Tagged, of_role, with_role
from gradc_compiler.program.program import Program, TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.certificates.distances import (
    AfterUpdate,
    EntryOutput,
    ResultKey,
    Results,
    Tensors,
)
from gradc_runtime.session.state import Evaluate

MARGIN = 4  # an update sums in another order than the gradients by which the error is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """One step: its rule, and what the rule reads."""

    entry: str  # that gives these gradients
    rule: Any  # a graph
    values: Tensors  # what persists
    gradients: Tensors  # by parameter
    evaluate: Evaluate

    def room(self, found: Results, wanted: Results) -> Results:
        """For each persistent, how far it may be from `wanted` as these gradients are apart."""
        errors = {}
        for name in self.gradients:
            key = EntryOutput(self.entry, Tagged(Role.GRADIENT, name))
            apart = np.abs(found[key].astype(np.float64) - wanted[key])
            errors[name] = MARGIN * np.max(apart, where=np.isfinite(apart), initial=0.0)
        here, more, less = (self.after(errors, way) for way in (0, 1, -1))
        with np.errstate(all="ignore"):
            return {
                AfterUpdate(name): np.maximum(
                    abs(more[name] - here[name]), abs(less[name] - here[name])
                )
                for name in here
            }

    def after(self, errors: Mapping[str, float], way: int) -> dict[str, np.ndarray]:
        """What the rule makes of the gradients, each off by its error this way."""
        moved = {name: array + way * errors[name] for name, array in self.gradients.items()}
        read = {str(key): array for key, array in with_role(Role.GRADIENT, moved).items()}
        with np.errstate(all="ignore"):
            return of_role(Role.UPDATE, self.evaluate(self.rule, {**self.values, **read}))


def moves_of(program: Program, step: TrainStep, views: Tensors, made: Results) -> Moves:
    """What the update of a step reads, before it is made: the gradients are among the results."""
    assert program.checks is not None, "a compiled program can be checked"
    keys = {name: EntryOutput(step.gradients, Tagged(Role.GRADIENT, name)) for name in step.over}
    return Moves(
        entry=step.gradients,
        rule=program.checks.rules[step.name],
        values={name: view.copy() for name, view in views.items()},
        gradients={name: made[key][0] for name, key in keys.items()},
        evaluate=program.evaluate,
    )


def room(steps: list[Moves], found: Results, wanted: Results) -> Results:
    """The same for all steps together."""
    total: dict[ResultKey, np.ndarray] = {}
    for step in steps:
        for name, array in step.room(found, wanted).items():
            total[name] = total.get(name, 0.0) + array
    return total
