"""Every law and every pass holds for all floats: NaN, infinities, and the signs of zeros."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Input, Literal
from gradc_compiler.ops.shape import broadcast, reshape, sum_axes, transpose
from gradc_compiler.rewrites.algebra.laws import RULES
from gradc_compiler.rewrites.algebra.simplify import simplify
from gradc_compiler.rewrites.table import ALGEBRA, optimise
from tests.support.graphs import Values
from tests.support.special_numbers import SIZE, TWO, assert_same_bits, below_normal, given, tree

CONSTANTS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.1, 3.0, 1e30, 1e-30, np.inf, -np.inf, np.nan)
SPECIAL = [*CONSTANTS, 41.0, -1e30, 7.5, 3.4e38]
SUMS = ("zeros, summed", "a product with zeros", "a scalar factor")  # 0 or -0, as it comes
ROW, COLUMN = (index(0), index(1)), (index(1), index(0))


def values() -> Values:
    """Every pair of special numbers: x and y of [16, 16]."""
    x, y = np.meshgrid(SPECIAL, SPECIAL)
    return {"x": x[None], "y": y[None], "s": np.array(SPECIAL)[:, None, None]}


def laws() -> dict[str, Callable[[Value, Value], Value]]:
    """What the laws look at, by name."""
    cases: dict[str, Callable[[Value, Value], Value]] = {
        "-(-x)": lambda x, y: x.apply("neg", -x),
        "x + -y": lambda x, y: x + -y,
        "-x + y": lambda x, y: -x + y,
        "x ^ 1": lambda x, y: x.apply("pow", x, x.builder.constant(1.0)),
        "a reshape of a reshape": lambda x, y: reshape(reshape(x, (256,)), (4, 64)),
        "a transposition, twice": lambda x, y: transpose(transpose(x, (1, 0)), (1, 0)),
        "a row, repeated": lambda x, y: x * broadcast(sum_axes(y, (0,), keep=True), (16, 16)),
        "zeros, summed": lambda x, y: sum_axes(x.builder.constant(-0.0, (16, 16)), (1,)),
        "a product with zeros": lambda x, y: _product(x, x.builder.constant(0.0, (16, 16))),
        "the same in its place": lambda x, y: x.builder.add(
            Contract((16, 16), (ROW,), ROW, (16, 16)), x
        ),
        "a scalar factor": lambda x, y: x.builder.add(
            Contract((16, 16), ((), COLUMN), ROW, (16, 16)), _corner(y), x
        ),
        "zeros of both signs": lambda x, y: x * (-x.builder.add(Literal((0.0, -0.0) * 8, (16,)))),
    }
    for name, value in product(TWO, CONSTANTS):
        cases[f"{name}(x, {value})"] = _with_constant(name, value, 1)
        cases[f"{name}({value}, x)"] = _with_constant(name, value, 0)
    return cases


def _with_constant(name: str, value: float, place: int) -> Callable[[Value, Value], Value]:
    def build(x: Value, y: Value) -> Value:
        constant = x.builder.constant(value)
        return x.apply(name, *((constant, x) if place == 0 else (x, constant)))

    return build


def _product(x: Value, y: Value) -> Value:
    return x.builder.add(Contract((16, 16), (ROW, ROW), (index(0),), (16,)), x, y)


def _corner(y: Value) -> Value:
    return y.builder.add(Contract((), ((Affine((), 3), Affine((), 5)),), (), ()), y)


def compare(graph: Graph, changed: Graph, given: Values, dtype: str, signed: bool) -> None:
    """Both graphs have the same output, bit for bit, or but for the sign of zeros."""
    with np.errstate(all="ignore"):
        wanted, found = (evaluate(g, given, 1, dtype)["y"] for g in (graph, changed))
    if not signed:
        found, wanted = found + 0.0, wanted + 0.0  # which is never -0
    assert_same_bits(np.broadcast_to(found, wanted.shape), wanted, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_laws_hold_for_every_float(dtype: str) -> None:
    fired = set()
    for name, build in laws().items():
        builder = Builder()
        x, y = (builder.add(Input(key, (16, 16))) for key in "xy")
        graph = builder.graph({"y": build(x, y).id})
        with np.errstate(over="ignore"):
            numbers = {k: v.astype(dtype) for k, v in values().items()}
        for changed in (simplify(graph), optimise(graph)):
            try:
                compare(graph, changed, numbers, dtype, signed=name not in SUMS)
            except AssertionError as fault:
                raise AssertionError(name) from fault
        fired |= {node.origin.rule for node in simplify(graph).nodes if node.origin is not None}
    assert fired, "no law was tried"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ALGEBRA)
def test_passes_hold_for_every_float(name: str, dtype: str) -> None:
    for seed in range(8):
        graph = tree(seed)
        numbers = given(graph, 3, dtype, seed)
        kept = ~below_normal(graph, numbers, 3, dtype)
        wanted, found = (evaluate(g, numbers, 3, dtype) for g in (graph, ALGEBRA[name](graph)))
        for key, array in wanted.items():
            both = [np.broadcast_to(a, (3, SIZE))[kept] for a in (found[key], array)]
            assert_same_bits(*both, f"{name}, seed {seed}, {key}")


def test_every_law_of_arithmetic_is_tried() -> None:
    tried = {name.split("(")[0] for name in laws()}
    assert {"add", "sub", "mul", "div"} <= tried & RULES.keys()
