"""Inputs at which a wrong formula shows: of every size and sign, at 0, at ties, and beside them.

Numbers from one normal distribution would miss what is wrong for large inputs only, or at 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass

Values = Mapping[str, np.ndarray]
SIZES = (1e-12, 1e-6, 1e-3, 1.0, 30.0, 1e3, 1e6, 1e12)  # of all tensors, and of each by itself
LARGE = 10.0  # beyond it a function may overflow that is right as written
WHOLE, SPREAD = 4, 16  # seeds of whole numbers, which tie, and of magnitudes from 1e-4 to 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Values of inputs and parameters."""

    values: Values

    @property
    def large(self) -> bool:
        """Whether numbers are so large that right formulas may overflow."""
        return any(np.max(np.abs(array), initial=0) > LARGE for array in self.values.values())


def wide_points(values: Values, labels: Collection[str]) -> Iterator[Point]:
    """Points around random `values`; `labels` are whole numbers of a class, and stay."""
    free = [name for name in values if name not in labels]
    for names in (free, *([name] for name in free if len(free) > 1)):
        for new in _of_sizes(values, names):
            yield Point(values=new)
    for seed in range(WHOLE + SPREAD):
        draw = _whole if seed < WHOLE else _spread
        draws = np.random.default_rng(seed)
        yield Point(values={**values, **{n: draw(draws, values[n].shape) for n in free}})


def _of_sizes(values: Values, names: Collection[str]) -> Iterator[Values]:
    """Tensors larger, smaller, all of one sign, all equal, and 0."""
    for size in SIZES:
        yield {**values, **{name: values[name] * size for name in names}}
        for sign in (1.0, -1.0):
            yield {**values, **{name: sign * size * np.abs(values[name]) for name in names}}
    for number in (0.0, 1.0, -1.0):
        yield {**values, **{name: np.full_like(values[name], number) for name in names}}


def _whole(draws: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Small whole numbers, so that some are equal and some are 0."""
    return draws.integers(-2, 3, shape).astype(np.float64)


def _spread(draws: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of many magnitudes and both signs."""
    signs = draws.choice([-1.0, 1.0], shape)
    return np.asarray(signs * 10.0 ** draws.uniform(-4, 4, shape))


def beside(values: Values, labels: Collection[str], seed: int, step: float) -> Values:
    """A point as near to one as `step`, in a random direction."""
    draws = np.random.default_rng(seed)
    found = {}
    for name, array in values.items():
        size = 0.0 if name in labels else step
        found[name] = array + size * (1 + np.abs(array)) * draws.normal(size=array.shape)
    return found
