"""One test for which axes scatter, and forward, backward data and backward filter as one thing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.rewrites.conv.match import (
    Convolution,
    convolutions,
    gathered,
    scattering,
    seen_windows,
)
from tests.support.contractions import I, J, K, L, at

MOVED = at((0, 1), (1, 1))  # pixel i and tap j
SCATTER = Contract((5, 3, 2, 4), ((I, K), (J, K, L)), (MOVED, L), (7, 4))
STRIDED = Contract((5, 3, 2, 4), ((I, K), (J, K, L)), (at((0, 2), (1, 1)), L), (11, 4))
FORWARD = Contract((5, 3, 2, 4), ((MOVED, K), (J, K, L)), (I, L), (5, 4))
DIAGONAL = Contract((5, 3, 2, 4), ((I, K), (J, K, L)), (MOVED, I, L), (7, 5, 4))
FILTER = Contract((5, 3, 2, 4), ((MOVED, K), (I, L)), (J, K, L), (3, 2, 4), mean=True)
WEIGHTS = (3, 2, 4)


def operands(pixels: Sequence[int], of_filter: bool = False) -> list[Value]:
    b = Builder()
    x = b.add(Input("x", tuple(pixels)))
    return [x, b.add(Input("g", (5, 4)) if of_filter else PersistentOp("W", WEIGHTS))]


def only(op: Contract, xs: Sequence[Value]) -> Convolution:
    (found,) = convolutions(op, xs)
    return found


def graph_of(op: Contract) -> Graph:
    xs = operands((5, 2))
    return xs[0].builder.graph({"y": xs[0].builder.add(op, *xs).id})


@pytest.mark.parametrize("op, stride", [(SCATTER, 1), (STRIDED, 2)])
def test_an_axis_along_which_products_are_added_scatters(op: Contract, stride: int) -> None:
    xs = operands((5, 2))
    ((axis, w),) = scattering(only(op, xs), xs)
    assert (axis, w.axis, w.pixel, w.tap, w.stride, w.step) == (0, 0, 0, 1, stride, 1)


@pytest.mark.parametrize(
    "op, pixels",
    [(FORWARD, (7, 2)), (DIAGONAL, (5, 2)), (SCATTER, (6, 2))],
    ids=["is read where it belongs", "is two axes of the result", "is read in part"],
)
def test_an_axis_does_not_scatter_that(op: Contract, pixels: Sequence[int]) -> None:
    xs = operands(pixels)
    assert not [*scattering(only(op, xs), xs)]


def test_a_scatter_that_is_gathered_scatters_no_more_and_is_found_again() -> None:
    xs = operands((5, 2))
    c = only(SCATTER, xs)
    ((axis, w),) = scattering(c, xs)
    after = gathered(c, w, axis)
    assert after.op.result == (I, L) and after.op.extents[0] == 7
    assert not [*scattering(only(after.op, xs), xs)]


def test_a_gradient_of_weights_is_a_convolution_whose_weights_are_the_result() -> None:
    xs = operands((7, 2), of_filter=True)
    c = only(FILTER, xs)
    assert (c.pixels, c.weights, c.sent) == (0, (1, 2, 3), (0, 3))
    (w,) = seen_windows(c)
    assert (w.axis, w.pixel, w.tap) == (0, 0, 1)
    sums = operands((7, 2))
    assert only(FORWARD, sums).sent == () and not [*seen_windows(only(FORWARD, sums))]


@pytest.mark.parametrize("op", [SCATTER, STRIDED, DIAGONAL], ids=["by 1", "by 2", "diagonal"])
def test_scatters_are_right(op: Contract, check_compiled) -> None:
    """The diagonal was once gathered as if its second axis did not read the pixels' loop."""
    check_compiled(graph_of(op))
