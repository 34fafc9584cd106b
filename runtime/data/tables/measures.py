"""The mean and the spread by which the numbers of a table are brought to unit size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError


def mean_and_spread(
    name: str, part: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean and spread of each element of a field, over rows [N, elements]; 1 for no spread.

    Raises `DataError` where a square is beyond the range of float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = part.mean(axis=0), part.std(axis=0)
    if not np.isfinite([mean, spread]).all():
        raise DataError(f"{name} has numbers too large to be standardised")
    return mean, np.where(spread > 0, spread, 1.0)


def standardised(numbers: NDArray[Any], name: str, encoding: Encoding) -> NDArray[Any]:
    """Numbers [N, elements] of a field with its gaps filled, by its mean and spread."""
    if name in encoding.gaps:
        numbers = np.where(np.isnan(numbers), encoding.gaps[name], numbers)
    if name in encoding.centres:
        numbers = (numbers - encoding.centres[name]) / encoding.scales[name]
    return numbers
