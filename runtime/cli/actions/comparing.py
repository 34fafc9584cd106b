"""How far apart two sets of tensors are, and a gradient from the slope of its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compiler.program import TrainStep
from runtime.session import Session

Results = Mapping[str, np.ndarray]
STEP = 1e-5  # of a central difference, relative to the size of a parameter
SMALL = 1e-3  # a tensor this much smaller than the largest is measured by the largest


def difference(found: Results, wanted: Results, *, exactly: bool) -> tuple[float, str]:
    """The greatest relative difference and the tensor it is in; or how many numbers differ."""
    if exactly:
        counts = {name: float(np.sum(bits(found[name]) != bits(wanted[name]))) for name in wanted}
        worst = max(counts, key=lambda name: counts[name])
        return counts[worst], worst
    floor = SMALL * max((size(array) for array in wanted.values()), default=0.0)
    errors = {name: apart(found[name], wanted[name], floor) for name in wanted}
    worst = max(errors, key=lambda name: errors[name])
    return errors[worst], worst


def bits(array: np.ndarray) -> np.ndarray:
    """The bits of an array's numbers, in which NaN equals itself."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def size(array: np.ndarray) -> float:
    """The greatest magnitude of a real tensor; counters and labels do not count."""
    return float(np.max(np.abs(array), initial=0.0)) if array.dtype.kind == "f" else 0.0


def apart(found: np.ndarray, wanted: np.ndarray, floor: float) -> float:
    """The greatest difference, relative; NaN must meet NaN."""
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    with np.errstate(invalid="ignore"):
        greatest = float(np.max(np.abs(a - b)[~same]))
    return greatest / max(size(b), floor, np.finfo(np.float64).tiny)


def gradient_error(
    session: Session, step: TrainStep, inputs: Results, seed: int
) -> tuple[float, str]:
    """A parameter at a time, along a random direction: the gradient's slope against the loss's."""
    entry = session.program.entries[step.gradients]
    graph = replace(entry.graph, outputs={"loss": entry.graph.outputs["loss"]})
    count = len(next(iter(inputs.values()))) if inputs else 1
    views = session.memory.views

    def loss(**changed: np.ndarray) -> float:
        values = {**views, **inputs, **changed}
        return float(session.program.evaluate(graph, values, count, "float64")["loss"])

    _, gradients = session.gradients(step.name, **inputs)
    draws = np.random.default_rng(seed)
    slopes = {}
    for name, gradient in gradients.items():
        direction = draws.standard_normal(gradient.shape)
        direction /= max(float(np.linalg.norm(direction)), 1e-300)
        h = STEP * max(1.0, float(np.abs(views[name]).max(initial=0.0)))
        above = loss(**{name: views[name] + h * direction})
        below = loss(**{name: views[name] - h * direction})
        slopes[name] = (float(np.sum(gradient * direction)), (above - below) / (2 * h))
    return worst_slope(slopes)


def worst_slope(slopes: Mapping[str, tuple[float, float]]) -> tuple[float, str]:
    """The greatest relative difference between two slopes, and whose it is."""
    scale = max((abs(b) for _, b in slopes.values()), default=1.0) or 1.0
    errors = {n: abs(a - b) / max(abs(b), SMALL * scale) for n, (a, b) in slopes.items()}
    worst = max(errors, key=lambda n: errors[n], default="no parameter")
    return errors.get(worst, 0.0), worst
