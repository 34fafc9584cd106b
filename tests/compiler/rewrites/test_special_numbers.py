"""Numbers at the edges: infinities, NaN, huge and tiny constants, in generated code."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Input, Literal
from gradc_compiler.ops.reduce import ArgMax, Max
from tests.support.graphs import evaluate_outputs, run_compiled

NUMBERS = [0.0, -0.0, 1e-300, 1e300, math.inf, -math.inf, math.nan, 1.5, -2.25]


def compare(build, values: np.ndarray, dtype: str = "float64") -> None:
    """Every output is the reference's, NaN and the signs of zeros included."""
    builder = Builder()
    x = builder.add(Input("x", values.shape[1:]))
    graph = builder.graph({"y": build(x).id})
    given = {"x": values}
    found = run_compiled(graph, given, len(values), dtype=dtype)["y"]
    with np.errstate(all="ignore"):
        wanted = evaluate_outputs(graph, given, len(values))["y"].astype(dtype)
    np.testing.assert_allclose(found, wanted, rtol=1e-15)
    np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(wanted[found == 0]))


@pytest.mark.parametrize("number", NUMBERS)
def test_constants_keep_their_value(number: float) -> None:
    def build(x: Value) -> Value:
        literal = x.builder.add(Literal((number, 1.0), (2,)))
        return x.apply("where", x, x.builder.constant(number), literal)

    compare(build, np.array([[0.0, 0.0], [1.0, 1.0]]))


@pytest.mark.parametrize("name", ["neg", "abs", "sign", "floor", "copy", "sqrt", "tanh", "sigmoid"])
def test_functions_of_special_numbers(name: str) -> None:
    compare(lambda x: x.apply(name, x), np.array([NUMBERS]))


@pytest.mark.parametrize("name", ["exp", "log", "expm1", "log1p", "erf"])
def test_limits_of_functions(name: str) -> None:
    compare(lambda x: x.apply(name, x), np.array([[0.0, math.inf, -math.inf, math.nan]]))


@pytest.mark.parametrize("name", ["add", "mul", "maximum", "minimum", "gt", "le", "eq", "ne"])
def test_pairs_of_special_numbers(name: str) -> None:
    a, b = np.meshgrid(NUMBERS, NUMBERS)
    pairs = np.stack([a.ravel(), b.ravel()])

    def build(x: Value) -> Value:
        rows = [x.builder.add(_row(k, pairs.shape), x) for k in range(2)]
        return x.apply(name, *rows)

    compare(build, pairs[None])


def _row(k: int, shape: tuple[int, ...]) -> Contract:
    return Contract((shape[1],), ((Affine((), k), index(0)),), (index(0),), (shape[1],))


@pytest.mark.parametrize("values", [[1.0, math.nan, 2.0], [-math.inf, -math.inf], [math.inf, 1.0]])
def test_the_greatest_of_special_numbers(values: list[float]) -> None:
    compare(lambda x: x.builder.add(Max((0,)), x), np.array([values]))


@pytest.mark.parametrize("values", [[3.0, 3.0, 1.0], [-math.inf, -math.inf], [-1e300, 1e-300]])
def test_the_place_of_the_greatest(values: list[float]) -> None:
    compare(lambda x: x.builder.add(ArgMax(), x), np.array([values]))
