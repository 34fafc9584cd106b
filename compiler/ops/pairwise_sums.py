"""Long sums in NumPy, as the reference adds them up: no term goes through many additions.

A running sum of n terms may be wrong by (n - 1) eps times the sum of their absolute values: float32
cannot count beyond 2^24 by ones.  What counts is the longest chain of additions that a term goes
through.  Here blocks of at most 256 terms are summed, and the blocks' sums as terms again, or
pairwise.  (Higham, The accuracy of floating point summation, SIAM J. Sci. Comput. 14(4), 1993.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gradc_compiler.graph.op import Array
from gradc_compiler.machine.addition_chains import IN_A_ROW, LONG


def add_up(x: Array, axis: int) -> Array:
    """The sum along an axis."""
    if x.shape[axis] > LONG:
        while (n := x.shape[axis]) > IN_A_ROW:
            x = np.add.reduceat(x, np.arange(0, n, IN_A_ROW), axis)
    return np.asarray(np.add.reduce(x, axis))


def add_pairwise(terms: Iterable[Array]) -> Array:
    """The sum of some arrays, of which only a few are there at a time."""
    stack: list[tuple[int, Array]] = []  # how many are in each sum: falling powers of two
    for term in terms:
        count, total = 1, term
        while stack and stack[-1][0] == count:
            total = stack.pop()[1] + total
            count *= 2
        stack.append((count, total))
    total = stack.pop()[1]
    while stack:
        total = stack.pop()[1] + total
    return total


def add_at_rows(target: Array, at: Array, x: Array) -> None:
    """target[at[s]] += x[s]; `target` is 0."""
    if len(at) <= LONG:
        np.add.at(target, at, x)
        return
    order = np.argsort(at, kind="stable")
    rows, starts = np.unique(at[order], return_index=True)
    for row, first, stop in zip(rows, starts, [*starts[1:], len(at)], strict=True):
        target[row] = add_up(x[order[first:stop]], 0)


def pieces(extent: int, most: int) -> Iterator[slice]:
    """An axis, in pieces of at most so many."""
    return (slice(k, min(extent, k + most)) for k in range(0, extent, most))
