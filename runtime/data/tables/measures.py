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

    Of a column of one number that number is the mean, which a sum of many would miss by rounding;
    the spread would then be that rounding, and every other number would be enormous.

    Raises `DataError` where a square is beyond the range of float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = part.mean(axis=0), part.std(axis=0)
    if not np.isfinite([mean, spread]).all():
        raise DataError(f"{name} has numbers too large to be standardised")
    constant = part.min(axis=0) == part.max(axis=0)
    return np.where(constant, part[0], mean), np.where(constant | (spread == 0), 1.0, spread)


def standardised(numbers: NDArray[Any], name: str, encoding: Encoding) -> NDArray[Any]:
    """Numbers [N, elements] of a field with its gaps filled, by its mean and spread."""
    if name in encoding.gaps:
        numbers = np.where(np.isnan(numbers), encoding.gaps[name], numbers)
    if name in encoding.centres:
        numbers = (numbers - encoding.centres[name]) / encoding.scales[name]
    return numbers
