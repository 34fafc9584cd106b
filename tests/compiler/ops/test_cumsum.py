"""Running sums: against NumPy, their derivatives, and what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.leaf import Input
from tests.compiler.ops.test_others import apply
from tests.support.graphs import Operand, derivative_graph, values_of

CASES = {
    "a vector": (CumSum(0), (5,)),
    "of one number": (CumSum(0), (1,)),
    "from the end": (CumSum(0, backwards=True), (5,)),
    "along rows": (CumSum(1), (3, 4)),
    "along columns": (CumSum(0), (3, 4)),
    "along columns from the end": (CumSum(0, backwards=True), (3, 4)),
    "along an axis inside": (CumSum(1), (2, 3, 4)),
    "of nothing": (CumSum(1), (2, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_reference_agrees_with_numpy(name: str) -> None:
    op, shape = CASES[name]
    values = values_of([Operand(shape)], 4)
    found = evaluate(derivative_graph(apply(op), [Operand(shape)]), values, 4)["y"]
    x, axis = values["x0"], op.axis + 1
    wanted = np.cumsum(x, axis)
    if op.backwards:
        wanted = np.flip(np.cumsum(np.flip(x, axis), axis), axis)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_agree_with_finite_differences(name: str, check_gradient) -> None:
    op, shape = CASES[name]
    check_gradient(apply(op), [Operand(shape)], orders=2)


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_native_code_agrees_with_the_reference(
    name: str, dtype: str, uniform: bool, check_compiled
) -> None:
    op, shape = CASES[name]
    operands = [Operand(shape, uniform=uniform)]
    graph = derivative_graph(apply(op), operands)
    check_compiled(graph, values=values_of(operands, 5), dtype=dtype, threads=2)


@pytest.mark.filterwarnings("ignore:invalid value")  # of the simulator
def test_what_is_not_finite_goes_on(check_compiled) -> None:
    b = Builder()
    y = b.add(CumSum(0), b.add(Input("x", (1200,))))
    x = np.ones((2, 1200))
    x[0, 100], x[1, 1100] = np.inf, np.nan
    found = check_compiled(b.graph({"y": y.id}), 2, values={"x": x})["y"]
    assert np.isinf(found[0, 100:]).all() and found[0, 99] == 100
    assert np.isnan(found[1, 1100:]).all() and found[1, 1099] == 1100
