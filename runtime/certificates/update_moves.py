"""How far an update moves where its gradients are off by a rounding.

Adam divides a gradient by its size, so of one that is 0 but for rounding (a bias that softmax takes
no notice of) it makes a step of any length up to its rate, in either direction.  What such an
update should be nobody can say more closely than its rule tells: between what it makes of the
gradient less its error and of the gradient plus its error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc_compiler.graph.output_names import Role, named
from gradc_runtime.certificates.distances import Results
from gradc_runtime.session.state import Evaluate

AFTER = " after"  # ends the name of what persists after the updates
MARGIN = 4  # an update sums in another order than the gradients by which the error is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """One step: its rule, and what the rule reads, the gradients too."""

    entry: str  # that gives these gradients
    rule: Any  # a graph
    values: dict[str, Any]
    evaluate: Evaluate

    def room(self, found: Results, wanted: Results) -> Results:
        """For each persistent, how far it may be from `wanted` as these gradients are apart."""
        errors = {}
        for name in self.values:
            if named(Role.GRADIENT, name) is not None:
                key = f"{self.entry}: {name}"
                apart = np.abs(found[key].astype(np.float64) - wanted[key])
                errors[name] = MARGIN * np.max(apart, where=np.isfinite(apart), initial=0.0)
        here, more, less = (self.after(errors, way) for way in (0, 1, -1))
        with np.errstate(all="ignore"):
            return {
                f"{named(Role.UPDATE, name)}{AFTER}": np.maximum(
                    abs(more[name] - here[name]), abs(less[name] - here[name])
                )
                for name in here
            }

    def after(self, errors: Mapping[str, float], way: int) -> dict[str, np.ndarray]:
        """What the rule makes of the gradients, each off by its error this way."""
        moved = {name: self.values[name] + way * error for name, error in errors.items()}
        with np.errstate(all="ignore"):
            return dict(self.evaluate(self.rule, self.values | moved))


def room(steps: list[Moves], found: Results, wanted: Results) -> Results:
    """The same for all steps together."""
    total: dict[str, np.ndarray] = {}
    for step in steps:
        for name, array in step.room(found, wanted).items():
            total[name] = total.get(name, 0.0) + array
    return total
