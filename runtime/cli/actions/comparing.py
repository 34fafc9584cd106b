"""How far apart two sets of tensors are, and a gradient from the slope of its loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.program import TrainStep
from runtime.session import Session
from runtime.targets import Batches

Results = Mapping[str, np.ndarray]
STEPS = (1e-5, 1e-6, 1e-7)  # of central differences, relative to the size of a parameter
NEAR = 1e-2  # how far from the given numbers the slopes are taken, relative too
SMALL = 1e-3  # a tensor this much smaller than the largest is measured by the largest


def difference(
    found: Results, wanted: Results, room: Results | None = None, *, exactly: bool
) -> tuple[float, str]:
    """The greatest relative difference and the tensor it is in; or how many numbers differ.

    Of a tensor that has room, only what goes beyond that counts.
    """
    if exactly:
        counts = {name: float(np.sum(bits(found[name]) != bits(wanted[name]))) for name in wanted}
        worst = max(counts, key=lambda name: counts[name])
        return counts[worst], worst
    floor = SMALL * max((size(array) for array in wanted.values()), default=0.0)
    rooms = {name: np.zeros(()) for name in wanted} | dict(room or {})
    errors = {name: apart(found[name], wanted[name], floor, rooms[name]) for name in wanted}
    worst = max(errors, key=lambda name: errors[name])
    return errors[worst], worst


def bits(array: np.ndarray) -> np.ndarray:
    """The bits of an array's numbers, in which NaN equals itself."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def size(array: np.ndarray) -> float:
    """The greatest magnitude of a real tensor; counters and labels do not count."""
    return float(np.max(np.abs(array), initial=0.0)) if array.dtype.kind == "f" else 0.0


def apart(found: np.ndarray, wanted: np.ndarray, floor: float, room: np.ndarray) -> float:
    """The greatest difference beyond the room there is, relative; NaN must meet NaN."""
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    with np.errstate(invalid="ignore"):
        greatest = float(np.max(np.maximum(np.abs(a - b) - room, 0.0)[~same]))
    return greatest / max(size(b), floor, np.finfo(np.float64).tiny)


def gradient_error(
    session: Session, step: TrainStep, inputs: Batches, seed: int
) -> tuple[float, str]:
    """A parameter at a time, along random directions uphill: its slope against the loss's.

    Slopes are taken near the numbers given: where biases are 0, many a relu is at its kink.  And a
    difference may reach over a kink, so the best of some directions and ever smaller steps counts.
    The session's parameters are moved.
    """
    draws = np.random.default_rng(seed)
    for name in step.over:
        view = session.memory.views[name]
        view += NEAR * reach(view) * draws.standard_normal(view.shape)
    _, gradients = session.gradients(step.name, **inputs)
    tries = [slopes(session, step, inputs, gradients, draws, width) for width in STEPS]
    best = {name: min(errors[name] for errors in map(errors_of, tries)) for name in gradients}
    worst = max(best, key=lambda name: best[name], default="no parameter")
    return best.get(worst, 0.0), worst


def slopes(
    session: Session, step: TrainStep, inputs: Batches, gradients: Results,
    draws: np.random.Generator, width: float,
) -> dict[str, tuple[float, float]]:  # fmt: skip
    """For each parameter, the slope that its gradient tells, and a central difference."""
    graph = session.program.entries[step.gradients].graph
    count = len(next(iter(inputs.values()))) if inputs else 1
    views, found = session.memory.views, {}

    def loss(name: str, value: np.ndarray) -> float:
        values = {**views, **inputs, name: value}
        return float(session.program.evaluate(graph, values, count, "float64")["loss"])

    for name, gradient in gradients.items():
        direction = np.abs(draws.standard_normal(gradient.shape))
        direction *= np.where(gradient < 0, -1, 1)  # else a slope is the little that is left
        direction /= max(float(np.linalg.norm(direction)), 1e-300)
        h = width * reach(views[name])
        ahead, behind = (loss(name, views[name] + way * direction) for way in (h, -h))
        found[name] = (float(np.sum(gradient * direction)), (ahead - behind) / (2 * h))
    return found


def reach(values: np.ndarray) -> float:
    """The scale of a parameter's numbers, 1 at least."""
    return max(1.0, float(np.abs(values).max(initial=0.0)))


def errors_of(slopes: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Relative differences between two slopes each."""
    scale = max((abs(b) for _, b in slopes.values()), default=1.0) or 1.0
    return {n: abs(a - b) / max(abs(b), SMALL * scale) for n, (a, b) in slopes.items()}
