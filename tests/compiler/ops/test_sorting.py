"""Orders along the last axis: against NumPy's stable sort, on ties, zeros, infinities and NaN."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.sorting import AddAlong, ArgSort, TakeAlong
from tests.compiler.ops.test_others import apply
from tests.support.graphs import Operand, derivative_graph, values_of

SIZES = [1, 2, 3, 4, 5, 7, 8, 31, 64]


def mixed(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers with many ties, zeros of both signs, infinities and NaN."""
    return rng.choice([np.nan, -np.inf, np.inf, 0.0, -0.0, 1.0, 2.0, -3.5, 7.25], shape)


@pytest.mark.parametrize("size", SIZES)
def test_an_order_is_numpys_stable_one(size: int, check_compiled) -> None:
    b = Builder()
    y = b.add(ArgSort(), b.add(Input("x", (2, size))))
    assert list(y.node.op.vjp(y, y, y)) == [None] and y.type.classes == size
    rng, graph = np.random.default_rng(size), b.graph({"y": y.id})
    for x in (mixed(rng, 5, 2, size), rng.integers(0, 5, (5, 2, size)), rng.random((5, 2, size))):
        found = check_compiled(graph, 5, values={"x": x.astype(float)}, threads=2)["y"]
        np.testing.assert_array_equal(found, np.argsort(x, axis=-1, kind="stable"))


@pytest.mark.parametrize("x", [range(40), range(40, 0, -1), [1] * 40, [2, 1] * 20])
def test_orders_that_are_there_already(x: list[float], check_compiled) -> None:
    b = Builder()
    y = b.add(ArgSort(), b.add(Input("x", (40,))))
    given = np.array([list(x)], float)
    found = check_compiled(b.graph({"y": y.id}), 1, values={"x": given}, dtype="float32")["y"]
    np.testing.assert_array_equal(found, np.argsort(given, kind="stable"))


def ordered(x: Value) -> Value:
    return x.builder.add(TakeAlong(), x, x.builder.add(ArgSort(), x))


LABELS = Operand((3, 5), classes=4)
CASES = {
    "sorted": (ordered, [Operand((6,))]),
    "sorted rows": (ordered, [Operand((3, 6))]),
    "taken": (apply(TakeAlong()), [Operand((3, 4)), LABELS]),
    "taken from what all share": (apply(TakeAlong()), [Operand((3, 4), uniform=True), LABELS]),
    "added": (apply(AddAlong(4)), [Operand((3, 5)), LABELS]),
    "added to more places": (apply(AddAlong(9)), [Operand((3, 5)), LABELS]),
}


@pytest.mark.parametrize("name", CASES)
def test_derivatives_agree_with_finite_differences(name: str, check_gradient) -> None:
    function, operands = CASES[name]
    check_gradient(function, operands, orders=2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_native_code_agrees_with_the_reference(name: str, dtype: str, check_compiled) -> None:
    function, operands = CASES[name]
    graph = derivative_graph(function, operands)
    check_compiled(graph, values=values_of(operands, 5), dtype=dtype, threads=2)


def test_numbers_sorted_and_the_places_they_came_from() -> None:
    values = values_of([Operand((3, 6))], 4)
    graph = derivative_graph(ordered, [Operand((3, 6))], mean=False)
    found = evaluate(graph, values, 4)
    np.testing.assert_array_equal(found["y"], np.sort(values["x0"], axis=-1))
    order = np.argsort(values["x0"], axis=-1)
    cotangents = np.take_along_axis(found["dx0"], order, -1)
    assert not np.array_equal(cotangents, found["dx0"])


def test_places_beyond_the_axis_are_refused() -> None:
    b = Builder()
    x, far = b.add(Input("x", (3,))), b.add(Input("at", (2,), 4))
    with pytest.raises(TypeFault, match="there are 3 places, but the index goes from 0 to 3"):
        b.add(TakeAlong(), x, far)
    with pytest.raises(TypeFault, match="are labels, as argsort gives them, got \\[3\\]"):
        b.add(TakeAlong(), x, x)


@pytest.mark.parametrize("op", [TakeAlong(), AddAlong(3)])
def test_an_index_out_of_range_counts_as_the_nearest_inside(op, check_compiled) -> None:
    b = Builder()
    y = b.add(op, b.add(Input("x", (3,))), b.add(Input("at", (3,), 3)))
    values = {"x": np.array([[1.0, 2.0, 4.0]]), "at": np.array([[-5, 9, 1]])}
    found = check_compiled(b.graph({"y": y.id}), 1, values=values)["y"]
    np.testing.assert_array_equal(found[0], [1.0, 4.0, 2.0])
