"""A division by a power of two is a product, to the bit; any other division stays."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.algebra.powers_of_two import multiply_by_reciprocals
from tests.support.graphs import run_compiled
from tests.support.special_numbers import assert_same_bits

X = "%0 = input{key='x', shape=(2, 3)};"
POWERS = [2.0**k for k in (-126, -64, -1, 1, 10, 126)]


def by(operator: str, constant: float, shape: str = "(3,)") -> str:
    text = f"%1 = constant{{value={constant!r}, shape={shape}}}; %2 = {operator} %0 %1;"
    return X + text + "return a=%2"


@pytest.mark.parametrize("power", [2.0, -4.0, 0.5, 2.0**-126, 2.0**126])
def test_a_quotient_by_a_power_of_two_is_a_product(assert_rewrites, power: float) -> None:
    assert_rewrites(multiply_by_reciprocals, before=by("div", power), after=by("mul", 1.0 / power))


@pytest.mark.parametrize(
    "divisor", [3.0, 0.0, -0.0, 0.1, 2.0**127, 2.0**-127, 2.0**1000, 2.0**-1074, 1e30, 6.0]
)
def test_other_quotients_stay(assert_rewrites, divisor: float) -> None:
    kept = by("div", divisor)
    assert_rewrites(multiply_by_reciprocals, before=kept, after=kept)


@pytest.mark.parametrize("divisor", ["inf", "-inf", "nan"])
def test_what_is_no_number_stays(divisor: str) -> None:
    builder = Builder()
    x = builder.add(Input("x", (3,)))
    graph = builder.graph({"a": (x / builder.constant(float(divisor))).id})
    assert multiply_by_reciprocals(graph) == graph


def test_a_power_of_two_that_is_divided_stays(assert_rewrites) -> None:
    kept = X + "%1 = constant{value=2.0}; %2 = div %1 %0; return a=%2"
    assert_rewrites(multiply_by_reciprocals, before=kept, after=kept)


def quotients():
    """x / c for every power of two here, of either sign."""
    builder = Builder()
    x = builder.add(Input("x", (SIZE,)))
    powers = [*POWERS, *(-c for c in POWERS)]
    return builder.graph({str(c): (x / builder.constant(c)).id for c in powers})


def numbers(dtype: str) -> np.ndarray:
    """From the least below the normal range to the greatest, and what is no number."""
    kind = np.finfo(dtype)
    edges = [kind.max, kind.tiny, kind.smallest_subnormal, kind.eps, 1.0, 3.0, 0.0, np.inf, np.nan]
    edges += [kind.tiny * s for s in (0.5, 0.75, 1.5, 2.0, 3.0)] + [kind.max / 3, 1 / 3]
    rng = np.random.default_rng(0)
    random = np.ldexp(rng.uniform(1, 2, 200), rng.integers(kind.minexp - 20, kind.maxexp, 200))
    x = np.concatenate([edges, random]).astype(dtype)
    return np.concatenate([x, -x])[None]


SIZE = numbers("float32").shape[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("run", [evaluate, run_compiled], ids=["reference", "cpu"])
def test_a_product_has_the_bits_of_the_quotient(run, dtype: str) -> None:
    """Below the normal range too, where a machine may count every number as 0."""
    graph, given = quotients(), {"x": numbers(dtype)}
    changed = multiply_by_reciprocals(graph)
    assert not any(node.op.name == "div" for node in changed.nodes)
    with np.errstate(all="ignore"):
        wanted, found = (run(g, given, 1, dtype=dtype) for g in (graph, changed))
    for key, array in wanted.items():
        assert_same_bits(found[key], array, f"x / {key}")


def test_a_spec_multiplies_unless_it_is_told_not_to() -> None:
    text = "model f(x : [3]) -> [3] { tanh(x) / 2 + x / 3 }"
    for without, left in ((), 1), (("powers",), 2):
        (entry,) = compile_source(text, without=without).entries.values()
        assert sum(node.op.name == "div" for node in entry.graph.nodes) == left
