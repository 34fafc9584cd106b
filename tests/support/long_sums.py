"""What the tests of long sums share: ten million numbers, and the bound that sums of them keep.

A sum of n terms differs from the exact one by at most (1024 + log2(n / 1024)) eps times the sum of
their absolute values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import log2
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.ops.shape import broadcast

Array = np.ndarray
N = 10_000_000
EPS = float(np.finfo(np.float32).eps) / 2  # the largest error of one rounding
WIDE = tuple(np.linspace(0.0, 0.9, 20))


def bound(terms: int) -> float:
    """Of the error, relative to the sum of the absolute values."""
    return (1024 + max(0.0, log2(terms / 1024))) * 2 * EPS


@cache
def numbers() -> Array:
    """Between 0 and 1, so that what is summed is its own absolute value."""
    return np.random.default_rng(3).random(N, np.float32)


@dataclass(frozen=True)
class Case:
    """One kind of sum: its graph, its input, and the right answer in float64."""

    build: Callable[[Builder], Value]
    given: Callable[[], dict[str, Any]]
    right: Callable[[], Any]
    terms: int
    batch: int = 1


def one(*shape: int) -> Callable[[], dict[str, Any]]:
    """One example of a shape."""
    return lambda: {"x": numbers()[: int(np.prod(shape))].reshape(1, *shape)}


def exact(x: Array) -> Array:
    return x.astype(np.float64)


def above(x: Value) -> Value:
    """The greater of x and each of some numbers: a row of twenty that nobody stores."""
    row = x.builder.add(Literal(WIDE, (20,)))
    return broadcast(x, (*x.shape[:-1], 20)).apply("maximum", broadcast(x, row.shape), row)


def rows_above(x: Array) -> Array:
    return np.array([np.maximum(x, np.float32(w)).sum(dtype=np.float64) for w in WIDE])


def check(found: Any, case: Case) -> None:
    right = np.asarray(case.right())
    assert np.all(np.abs(exact(np.asarray(found)) - right) <= bound(case.terms) * right)
