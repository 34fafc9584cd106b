"""Whole quotients and rests are exact: Python's fractions say what they must be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.ops import division
from gradc_compiler.ops.leaf import Input
from tests.support.graphs import Array, run_compiled
from tests.support.special_numbers import assert_same_bits

KNOWN = [  # a, b, then a // b and a % b in float32
    (41.0, 41.0, 1.0, 0.0),
    (1.0, 0.1, 9.0, 1 - 9 * float(np.float32(0.1))),
    (1e10, 3.0, 3333333248.0, 1.0),
    (-1e-30, 1.0, -1.0, np.nextafter(np.float32(1), np.float32(0))),
    (1e-30, -1.0, -1.0, np.nextafter(np.float32(-1), np.float32(0))),
    (-7.0, 3.0, -3.0, 2.0),
    (7.0, -3.0, -3.0, -2.0),
    (-5.0, np.inf, -1.0, np.finfo(np.float32).max),
    (5.0, 0.0, np.inf, np.nan),
    (0.0, 0.0, np.nan, np.nan),
    (np.inf, 2.0, np.inf, np.nan),
]


def pairs(dtype: str) -> tuple[Array, Array]:
    """Quotients of every size, near whole numbers and at ties of the rounding too."""
    rng = np.random.default_rng(4)
    b = rng.normal(size=600) * 10.0 ** rng.integers(-6, 7, size=600)
    whole = rng.integers(1, 2**30, size=300) * 2.0 ** rng.integers(0, 40, size=300)
    a = rng.normal(size=600) * 10.0 ** rng.integers(-6, 12, size=600)
    a, b = a.astype(dtype), b.astype(dtype)
    a[:300] = b[:300] * whole.astype(dtype)
    near = np.where(rng.random(300) < 0.5, np.inf, -np.inf).astype(dtype)
    a[:200] = np.nextafter(a[:200], near[:200])
    return a, b


def rounded(number: Fraction, dtype: str) -> float:
    """A fraction as a float of this width, once rounded: half to even."""
    if dtype == "float64":
        return float(number)
    low = np.float32(float(number))
    nearby = (np.nextafter(low, -np.inf), low, np.nextafter(low, np.inf), low)
    even = [x for x in nearby if x.view(np.int32) % 2 == 0]
    return min([*even, *nearby], key=lambda x: abs(Fraction(float(x)) - number))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quotients_and_rests_are_exact(dtype: str) -> None:
    a, b = pairs(dtype)
    quotients, rests = division.quotient(a, b), division.rest(a, b)
    for x, y, q, r in zip(a.tolist(), b.tolist(), quotients, rests, strict=True):
        count = Fraction(x) // Fraction(y)
        assert q == rounded(Fraction(count), dtype), (x, y)
        left = Fraction(x) - count * Fraction(y)
        assert r == rounded(left, dtype) or r == np.nextafter(np.array(y, dtype), 0), (x, y)
        assert (0 <= r < y) if y > 0 else (y < r <= 0), (x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_ones_have_the_same_bits(dtype: str) -> None:
    a, b = pairs(dtype)
    known = np.array(KNOWN, dtype).T
    both = (np.concatenate([x, k])[:, None] for x, k in zip((a, b), known, strict=False))
    values = dict(zip("ab", both, strict=True))
    builder = Builder()
    x, y = (builder.add(Input(key, (1,))) for key in "ab")
    graph = builder.graph({name: x.apply(name, x, y).id for name in ("quotient", "rest")})
    for without in ((), ("whole-step",)):
        found = run_compiled(graph, values, len(values["a"]), dtype=dtype, without=without)
        for name in ("quotient", "rest"):
            with np.errstate(all="ignore"):
                wanted = getattr(division, name)(values["a"], values["b"])
            normal = ~((wanted != 0) & (np.abs(wanted) < np.finfo(dtype).tiny))
            assert_same_bits(found[name][normal], wanted[normal], name)


def test_known_quotients_and_rests() -> None:
    a, b, quotients, rests = np.array(KNOWN, np.float32).T
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(division.quotient(a, b), quotients)
        np.testing.assert_array_equal(division.rest(a, b), rests)
