"""A gradient from the slope of its loss: central differences, a parameter at a time.

Where a network is too large for that, parameters with slopes of about one size go together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph_tools.samples import work_of
from gradc_compiler.program.program import TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.table import optimise
from gradc_runtime.certificates.distances import SMALL, Tensors
from gradc_runtime.cli.actions.held_values import HELD, held_by, holding, replace_outputs
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.session.backends import examples_of
from gradc_runtime.session.session import Session

STEPS = (1e-6, 1e-5, 1e-7)  # of central differences, relative to a parameter; first the best
NEAR = 1e-2  # how far from the given numbers the slopes are taken, relative too
CLOSE = 1e-7  # a slope this near to its gradient is not taken again
DOUBT = 2  # what halving a step changes in a slope, so many times, is what the slope may be off by
WORK = 8e9  # multiplications that all differences of a step may take


@dataclass(frozen=True)
class Loss:
    """The loss of a step alone, as a function of its parameters and what is held."""

    session: Session
    graph: Graph
    values: Mapping[str, Any]
    count: int

    def at(self, moved: Tensors) -> float:
        """The loss where some parameters have other numbers."""
        values = {**values_by_name(self.session.memory.views, self.values), **moved}
        found = self.session.program.evaluate(self.graph, values, self.count, "float64")
        return float(found["loss"])


def loss_alone(session: Session, graph: Graph, inputs: Batches, count: int) -> Loss:
    """The loss of a graph of gradients, as far as its derivative sees it (`held_values.py`)."""
    graph = eliminate_dead_code(replace_outputs(graph, {"loss": graph.outputs["loss"]}))
    known = held_by(graph)
    stopped = replace_outputs(graph, {f"{HELD}{i}": i for i in known})
    values = values_by_name(session.memory.views, inputs)
    made = session.program.evaluate(stopped, values, count, "float64") if known else {}
    held = {str(key): value for key, value in made.items()}
    return Loss(session, optimise(holding(graph, known)), {**inputs, **held}, count)


def gradient_error(
    session: Session, step: TrainStep, joint: Graph, inputs: Batches, seed: int
) -> tuple[float, str] | None:
    """A parameter at a time, along random directions uphill: its slope against the loss's.

    Slopes are taken near the numbers given: where biases are 0, many a relu is at its kink.  And a
    difference may reach over a kink, so the best of some directions and sizes of steps counts,
    and of each only what goes beyond the doubt there is about it (`Slope`).
    The session's parameters are moved.  None where the loss is not finite.
    """
    draws = np.random.default_rng(seed)
    move_nearby(session, step, draws)
    value, gradients = session.gradients_on(step, inputs)
    if not np.isfinite(value):
        return None
    loss = loss_alone(session, joint, inputs, examples_of(inputs))
    errors = least_errors(loss, gradients, draws)
    worst = max(errors, key=lambda name: errors[name], default="no parameter")
    return errors.get(worst, 0.0), worst


def move_nearby(session: Session, step: TrainStep, draws: np.random.Generator) -> None:
    """Move the parameters that a step trains by a little, at random."""
    for name in step.over:
        view = session.memory.views[name]
        view += NEAR * reach(view) * draws.standard_normal(view.shape)


def least_errors(loss: Loss, gradients: Tensors, draws: np.random.Generator) -> dict[str, float]:
    """How far each gradient is off, by the best of the sizes of steps; by name, for people."""
    best: dict[str, float] = {}
    slopes: dict[str, Slope] = {}
    names = sorted(gradients, key=lambda n: float(np.linalg.norm(gradients[n])))
    for width in STEPS:
        if best and all(error <= CLOSE for error in best.values()):
            break
        lines = [SlopeLine.uphill(loss.session, n, gradients[n], draws, width) for n in names]
        for line in together(lines, max(1, int(WORK / (2 * loss.count * work_of(loss.graph))))):
            if not best.get(line.what, 1.0) <= CLOSE:
                slopes[line.what] = line.compared(loss, width)
        errors = errors_of(slopes)
        best = {what: min(error, best.get(what, np.inf)) for what, error in errors.items()}
    return best


@dataclass(frozen=True)
class Slope:
    """What a gradient tells, what a difference finds, and how far the latter is in doubt.

    A loss that bends within a step has another slope at half of it.  An error of the second order
    is 4/3 of that change; so a fault smaller than `DOUBT` times it cannot be told from bending.
    """

    told: float
    found: float
    doubt: float

    def error(self, floor: float) -> float:
        """The relative difference beyond doubt; NaN is not hidden."""
        beyond = max(abs(self.told - self.found) - self.doubt, 0.0)
        return beyond / max(abs(self.found), floor)


@dataclass(frozen=True)
class SlopeLine:
    """A line through the space of parameters, and the slope that their gradients tell."""

    names: tuple[str, ...]
    ways: Tensors  # how far each parameter moves
    slope: float

    @staticmethod
    def uphill(
        session: Session, name: str, gradient: np.ndarray, draws: np.random.Generator, width: float
    ) -> SlopeLine:
        """A random direction in which nothing of a gradient is cancelled."""
        way = np.abs(draws.standard_normal(gradient.shape)) * np.where(gradient < 0, -1, 1)
        way *= width * reach(session.memory.views[name]) / max(float(np.linalg.norm(way)), 1e-300)
        return SlopeLine((name,), {name: way}, float(np.sum(gradient * way)))

    @property
    def what(self) -> str:
        """The parameters, for people."""
        others = len(self.names) - 1
        return min(self.names) + (f" and {others} more" if others else "")

    def compared(self, loss: Loss, width: float) -> Slope:
        """Its slope by the gradients and by a difference; where they are not close, by half too."""
        told, found = self.slope / width, self.difference(loss) / width
        if abs(told - found) <= CLOSE * abs(found):
            return Slope(told, found, 0.0)
        halves = {name: way / 2 for name, way in self.ways.items()}
        half = replace(self, ways=halves).difference(loss) / (width / 2)
        return Slope(told, found, DOUBT * abs(found - half))

    def difference(self, loss: Loss) -> float:
        """The central difference of the loss along it."""
        views = loss.session.memory.views
        ahead, behind = (
            loss.at({name: views[name] + sign * way for name, way in self.ways.items()})
            for sign in (1, -1)
        )
        return (ahead - behind) / 2


def together(lines: list[SlopeLine], most: int) -> list[SlopeLine]:
    """At most so many lines: neighbours are followed at once."""
    each = -(-len(lines) // most)
    return [
        SlopeLine(
            tuple(name for line in part for name in line.names),
            {name: way for line in part for name, way in line.ways.items()},
            sum(line.slope for line in part),
        )
        for part in (lines[k : k + each] for k in range(0, len(lines), each))
    ]


def reach(values: np.ndarray) -> float:
    """The scale of a parameter's numbers, 1 at least."""
    return max(1.0, float(np.abs(values).max(initial=0.0)))


def errors_of(slopes: Mapping[str, Slope]) -> dict[str, float]:
    """Relative differences beyond doubt."""
    scale = max((abs(slope.found) for slope in slopes.values()), default=1.0) or 1.0
    return {name: slope.error(SMALL * scale) for name, slope in slopes.items()}
