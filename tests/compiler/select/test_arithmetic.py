"""Elementwise arithmetic is IEEE 754 of what is written: compiled kernels give NumPy's bits.

Random trees of exactly rounded operators meet zeros of both signs, infinities, NaN, huge and tiny
numbers, in both widths.  Elements with a number below the normal range on their way are left out:
compiled targets count those as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.rewrites.table import ALGEBRA
from tests.support.graphs import run_compiled
from tests.support.special_numbers import SIZE, assert_same_bits, below_normal, given, tree

FORMS: list[Collection[str]] = [(), ALGEBRA, (*ALGEBRA, "whole-step"), ("whole-step",), ("fusion",)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(4))
def test_bits_are_those_of_ieee_754(seed: int, dtype: str) -> None:
    graph, batch = tree(seed), (1, 5, 33, 150)[seed % 4]
    values = given(graph, batch, dtype, seed)
    kept = ~below_normal(graph, values, batch, dtype)
    wanted = evaluate(graph, values, batch, dtype)
    for k, without in enumerate(FORMS):
        found = run_compiled(
            graph, values, batch, dtype=dtype, without=without, threads=1 + (seed + k) % 2
        )
        for name, array in wanted.items():
            here, there = (np.broadcast_to(y, kept.shape)[kept] for y in (found[name], array))
            assert_same_bits(here, there, f"seed {seed}, {name}, without {without}")


def two_sum(a: Value, b: Value) -> Value:
    """What a + b loses by rounding (Knuth)."""
    total = a + b
    part = total - a
    return (a - (total - part)) + (b - part)


CASES: dict[str, Callable[[Value, Value], Value]] = {
    "a constant comes and goes": lambda a, b: (a + 1024.0) - 1024.0,
    "products are not fused": lambda a, b: a * b - b * a,
    "two-sum": two_sum,
    "no reciprocal": lambda a, b: a / 41.0 + b / a,
    "a common divisor": lambda a, b: a / b + 3.0 / b + 5.0 / b,
    "nothing is factored out": lambda a, b: a * b + a * 0.1,
    "order of three": lambda a, b: (a + 0.1) + 0.2,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_rearranged(case: str, dtype: str) -> None:
    builder, rng = Builder(), np.random.default_rng(3)
    a, b = (builder.add(Input(key, (SIZE,))) for key in "ab")
    graph = builder.graph({"y": CASES[case](a, b).id})
    values = {key: rng.normal(size=(33, SIZE)).astype(dtype) for key in "ab"}
    wanted = evaluate(graph, values, 33, dtype)["y"]
    for without in ((), ("whole-step",)):
        run = partial(run_compiled, graph, values, 33, dtype=dtype, without=without)
        assert_same_bits(run()["y"], wanted, case)
        assert_same_bits(run(threads=2)["y"], wanted, case)
