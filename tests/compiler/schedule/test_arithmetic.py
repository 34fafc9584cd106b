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

from compiler.graph.evaluate import evaluate, node_values
from compiler.graph.graph import Builder, Graph, Value
from compiler.ops.leaf import Input, Persistent
from compiler.passes import PASSES
from tests.graphs import Array, Values, run_compiled

ONE = ("neg", "sqrt", "abs", "floor", "sign", "copy")
TWO = ("add", "sub", "mul", "div", "maximum", "minimum", "gt", "ge", "lt", "le", "eq", "ne")
CONSTANTS = (0.0, -0.0, 1.0, -1.0, 0.1, 2.0, 3.0, np.inf, -np.inf, np.nan, 1e30, 41.0)
SIZE = 24
FORMS: list[Collection[str]] = [(), PASSES, (*PASSES, "straight"), ("straight",), ("fusion",)]


def tree(seed: int, operators: int = 24) -> Graph:
    """A random graph of elementwise operators, every node an output or part of one."""
    rng, builder = np.random.default_rng(seed), Builder()
    pool = [builder.add(Input(f"x{k}", (SIZE,))) for k in range(2)]
    pool += [builder.add(Persistent("p", (SIZE,))), builder.add(Persistent("q", ()))]
    for _ in range(operators):
        name = rng.choice([*ONE, *TWO, *TWO, "where"])
        count = 1 if name in ONE else 3 if name == "where" else 2
        picked = [pool[k] for k in rng.choice(len(pool), size=count)]
        if rng.random() < 0.3:
            picked[-1] = builder.constant(float(rng.choice(CONSTANTS)))
        pool.append(picked[0].apply(str(name), *picked))
    return builder.graph({f"y{k}": y.id for k, y in enumerate(pool[-8:])})


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Half ordinary numbers, half special ones."""
    most, tiny = np.finfo(dtype).max, float(np.finfo(dtype).tiny)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, most, -most, tiny, 41.0, 1e-30]
    ordinary = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, size=shape)
    mixed = np.where(rng.random(shape) < 0.5, ordinary, rng.choice(special, size=shape))
    return mixed.astype(dtype)


def given(graph: Graph, batch: int, dtype: str, seed: int) -> Values:
    """Numbers for the leaves of a graph."""
    rng = np.random.default_rng(seed)
    shapes = {op.key: (batch, *op.shape) for n in graph.nodes if isinstance(op := n.op, Input)}
    own = {op.key: op.shape for n in graph.nodes if isinstance(op := n.op, Persistent)}
    return {key: numbers(rng, shape, dtype) for key, shape in (shapes | own).items()}


def below_normal(graph: Graph, values: Values, batch: int, dtype: str) -> Array:
    """The elements on whose way a number is below the normal range."""
    tiny, found = np.finfo(dtype).tiny, np.zeros((batch, SIZE), bool)
    for _, array in node_values(graph, values, batch, dtype):
        small = (array != 0) & (np.abs(array) < tiny)
        found |= small if small.ndim > 1 else small[:, None]
    return found


def assert_same_bits(found: Array, wanted: Array, note: str) -> None:
    """The same numbers, signs of zeros included; any NaN is as good as another."""
    np.testing.assert_array_equal(found, wanted, err_msg=note)
    zero = wanted == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(wanted[zero]), err_msg=note)


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
    for without in ((), ("straight",)):
        run = partial(run_compiled, graph, values, 33, dtype=dtype, without=without)
        assert_same_bits(run()["y"], wanted, case)
        assert_same_bits(run(threads=2)["y"], wanted, case)
