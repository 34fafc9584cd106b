"""The arithmetic of tiles without a GPU: the products of one step, as NumPy has them.

Functions of the same names as in `tile_products.py`; `simulated_block.py` runs the threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


@lru_cache(maxsize=64)
def _places(steps: int, own: int, step: int, gap: int) -> Numbers:
    """[steps, own]: where a thread's numbers of each step are, from its first."""
    rows = np.arange(own)
    places = rows * gap if step == 1 else rows // 4 * gap + rows % 4
    return np.arange(steps)[:, None] * step + places


def products(
    acc: Numbers, sa: Numbers, ia: int, sb: Numbers, ib: int,
    steps: int, rows: int, columns: int, step_a: int, gap_a: int, step_b: int, gap_b: int,
) -> Numbers:  # fmt: skip
    """acc + the products of all steps of a buffer."""
    a = sa[_places(steps, rows, step_a, gap_a) + ia]
    b = sb[_places(steps, columns, step_b, gap_b) + ib]
    sums: Numbers = acc + (a.T @ b).reshape(-1)
    return sums


def row_products(
    acc: Numbers, memory: Any, row: int, matrix: Numbers, place: int, along: int, columns: int,
    terms: int, each: int, fours: int,
) -> Numbers:  # fmt: skip
    """acc + the products of a row's terms with as many columns, one term after another."""
    assert not fours or row % 4 == 0, "four words at once begin at a multiple of four"
    assert each % 4 or place % 4 == 0, "four words at once begin at a multiple of four"
    for k in range(terms):
        own = matrix[place + k * columns : place + k * columns + each]
        acc = acc + memory[row + k * along] * own
    return acc


def joined(
    acc: Numbers, more: Numbers, factors: Numbers, place: int, columns: int, gap: int
) -> Numbers:
    """Results times their rows' factors, and more."""
    own = factors[np.arange(len(acc) // columns) * gap + place]
    sums: Numbers = acc * np.repeat(own, columns) + more
    return sums


def keep(
    acc: Numbers, rows: int, buffer: Numbers, place: int, columns: int, row: int, beside: int,
    gap: int,
) -> None:  # fmt: skip
    """Four rows of a thread's results into a buffer."""
    four = acc.reshape(-1, columns)[4 * rows : 4 * rows + 4]
    own = np.arange(columns) // beside * gap + np.arange(columns) % beside
    buffer[np.arange(4)[:, None] * row + own + place] = four


def divided(n: int, multiplier: int, shift: int) -> int:
    """A quotient by a known number, by way of its reciprocal."""
    return (int(n) + 1) * int(multiplier) >> 32 + int(shift)
