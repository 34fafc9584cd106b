"""The contraction: its value is the sum as written, its derivatives agree with differences."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import TypeFault
from tests.support.contractions import (
    Case,
    convolution,
    grouped,
    heads,
    naive,
    product_of,
    random_case,
    transposed,
)
from tests.support.graphs import Operand
from tests.support.products import CASES

# Few enough elements to move one at a time.
SMALL = {name: x for name, x in CASES.items() if sum(map(np.prod, x.shapes)) <= 30} | {
    "small convolution": convolution(4, 2, 2, 2, stride=2, padding=1),
    "small convolution with dilation": convolution(5, 2, 1, 2, dilation=2, padding=1),
    "small transposed convolution": transposed(3, 3, 1, 2, 2),
    "small grouped convolution": grouped(4, 2, 2, 2, 1),
    "small matrix product": product_of(2, 3, 4, order="tt"),
    "small attention scores": heads(2, 3, 2, 2)[0],
    "small attention mix": heads(2, 3, 2, 2)[1],
}


def operands_of(case: Case, uniform: int | None = None) -> list[Operand]:
    return [Operand(shape, k == uniform) for k, shape in enumerate(case.shapes)]


def apply(case: Case):
    def function(*xs: Value) -> Value:
        return xs[0].builder.add(case.op, *xs)

    return function


def assert_is_the_sum(case: Case) -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=(2, *shape)) for shape in case.shapes]
    found = case.op.reference(*arrays)
    wanted = np.stack([naive(case.op, *(a[i] for a in arrays)) for i in range(2)])
    np.testing.assert_allclose(np.broadcast_to(found, wanted.shape), wanted, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_reference_is_the_sum_as_written(name: str) -> None:
    assert_is_the_sum(CASES[name])


@pytest.mark.parametrize("seed", range(40))
def test_reference_of_random_contractions(seed: int) -> None:
    assert_is_the_sum(random_case(np.random.default_rng(seed), 1 + seed % 2))


@pytest.mark.parametrize("name", SMALL)
def test_derivatives_agree_with_finite_differences(name: str, check_gradient) -> None:
    case = SMALL[name]
    check_gradient(apply(case), operands_of(case), batch=2)
    check_gradient(apply(case), operands_of(case, uniform=0), batch=2, orders=2)


@pytest.mark.parametrize("seed", range(24))
def test_derivatives_of_random_contractions(seed: int, check_gradient) -> None:
    case = random_case(np.random.default_rng(100 + seed), 1 + seed % 2, sizes=(1, 2, 3))
    uniform = [None, 0, 1][seed % 3]
    check_gradient(apply(case), operands_of(case, uniform), batch=2, orders=3)


def test_wrong_operands_are_refused() -> None:
    op = CASES["matrix product"].op
    builder = Builder()
    x = builder.constant(1.0, (7, 5))
    with pytest.raises(TypeFault, match="contract has a map for each operand"):
        builder.add(op, x)
    with pytest.raises(TypeFault, match="has 0 axes, 2 are indexed"):
        builder.add(op, x, builder.constant(1.0))
