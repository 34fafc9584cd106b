"""Convolutions of few channels with neighbouring pixels as columns: equal numbers, wider rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.ops.contract import Contract
from gradc_compiler.rewrites.table import optimise
from tests.support.contractions import Case, I, J, K, L, M, N, at
from tests.support.graphs import (
    Operand,
    assert_close,
    derivative_graph,
    evaluate_outputs,
    rewritten,
    values_of,
)


def image(
    size: tuple[int, int],
    kernel: tuple[int, int],
    channels: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: int = 1,
    padding: int = 0,
) -> Case:
    """A convolution of an image, of sizes that differ by axis."""
    out = [
        (n + 2 * padding - dilation * (k - 1) - 1) // s + 1
        for n, k, s in zip(size, kernel, stride, strict=True)
    ]
    rows = at((0, stride[0]), (3, dilation), offset=-padding)
    columns = at((1, stride[1]), (4, dilation), offset=-padding)
    op = Contract(
        (*out, channels[1], *kernel, channels[0]),
        ((rows, columns, N), (K, L, M, N)),
        (I, J, K),
        (*out, channels[1]),
    )
    return Case(op, ((*size, channels[0]), (channels[1], *kernel, channels[0])))


CASES = {
    "the first layer of a small network": image((28, 28), (5, 5), (1, 8), stride=(2, 2), padding=2),
    "its second": image((14, 14), (3, 3), (8, 16), stride=(2, 2), padding=1),
    "one filter": image((9, 13), (3, 3), (3, 1), padding=1),
    "two filters of odd sizes": image((7, 37), (1, 7), (1, 2), stride=(1, 3)),
    "kernel 7x3, stride 2x1": image((15, 11), (7, 3), (5, 5), stride=(2, 1), padding=1),
    "kernel 3x5, stride 1x2": image((7, 13), (3, 5), (1, 7), stride=(1, 2), padding=2),
    "dilated": image((11, 12), (3, 3), (2, 4), dilation=2, padding=2),
    "dilated, with a stride": image((11, 12), (3, 3), (2, 4), stride=(2, 2), dilation=2),
    "a stride beyond the kernel": image((9, 11), (2, 2), (3, 4), stride=(3, 3)),
    "one pixel": image((3, 3), (3, 3), (2, 3)),
    "a row of 113": image((1, 113), (1, 5), (1, 3), padding=0),
}


def operands_of(case: Case) -> list[Operand]:
    """Pixels of each example; weights and biases."""
    shapes = (*case.shapes, case.op.shape[-1:])
    return [Operand(shape, k > 0) for k, shape in enumerate(shapes)]


def graph_of(case: Case) -> Graph:
    """The convolution of computed pixels, and its derivatives to pixels, weights and biases."""

    def function(x: Value, W: Value, b: Value) -> Value:
        y = x.builder.add(case.op, x.apply("tanh", x * 0.5), W) + b
        return y * y + y

    return derivative_graph(function, operands_of(case))


def random_image(seed: int) -> Case:
    """A convolution of sizes that fit no vector."""
    rng = np.random.default_rng(seed)
    kernel = tuple(int(n) for n in rng.integers(1, 6, 2))
    dilation, padding = int(rng.choice([1, 1, 2])), int(rng.integers(0, 3))
    size = tuple(dilation * (k - 1) + 1 + int(rng.integers(0, 12)) for k in kernel)
    stride = tuple(int(n) for n in rng.integers(1, 4, 2))
    channels = tuple(int(n) for n in rng.choice([1, 2, 3, 5, 8, 13], 2))
    return image(size, kernel, channels, stride=stride, dilation=dilation, padding=padding)


def rewritten_convolutions(graph: Graph) -> tuple[Graph, Mapping[int, int]]:
    """The forms with columns that fill a vector."""
    names = ("scatter-to-gather", "fold-width", "backward-filter", "backward-bias")
    return rewritten(graph, *names, "broadcast-bias")


def assert_same(case: Case) -> None:
    """The other form computes the same in the reference."""
    graph, values = optimise(graph_of(case)), values_of(operands_of(case), 5)
    wider, _ = rewritten_convolutions(graph)
    assert_close(
        evaluate_outputs(verify(wider), values, 5), evaluate_outputs(graph, values, 5), 1e-11
    )


@pytest.mark.parametrize("name", CASES)
def test_the_other_form_means_the_same(name: str) -> None:
    assert_same(CASES[name])


@pytest.mark.parametrize("seed", range(24))
def test_random_convolutions_mean_the_same(seed: int) -> None:
    assert_same(random_image(seed))


@pytest.mark.parametrize("batch", [1, 5, 33])
@pytest.mark.parametrize("name", CASES)
def test_few_channels_run_natively(name: str, batch: int, check_compiled) -> None:
    case = CASES[name]
    values = values_of(operands_of(case), batch)
    check_compiled(
        graph_of(case), batch, values=values, dtype="float64" if batch > 1 else "float32"
    )


@pytest.mark.parametrize("batch", [2, 3])
@pytest.mark.parametrize("channels", [(1, 8), (8, 16), (16, 33)])
def test_few_examples_leave_the_rows_to_pixels(
    channels: tuple[int, int], batch: int, check_compiled
) -> None:
    case = image((7, 9), (3, 3), channels, padding=1)
    graph, values = graph_of(case), values_of(operands_of(case), batch)
    one, two = (check_compiled(graph, batch, values=values, threads=n) for n in (1, 2))
    for name in graph.outputs:
        np.testing.assert_array_equal(one[name], two[name])


@pytest.mark.parametrize("seed", range(8))
def test_random_convolutions_run_natively(seed: int, check_compiled) -> None:
    case = random_image(seed)
    check_compiled(graph_of(case), 7, values=values_of(operands_of(case), 7))


@pytest.mark.wide
@pytest.mark.parametrize("seed", range(24, 400))
def test_many_random_convolutions_run_natively(seed: int, check_compiled) -> None:
    assert_same(random_image(seed))
    case = random_image(seed)
    check_compiled(graph_of(case), 37, values=values_of(operands_of(case), 37))


def test_threads_do_not_change_a_bit(check_compiled) -> None:
    case = CASES["the first layer of a small network"]
    graph, values = graph_of(case), values_of(operands_of(case), 113)
    one, two, four = (
        check_compiled(graph, 113, values=values, dtype="float32", threads=n) for n in (1, 2, 4)
    )
    for name in graph.outputs:
        np.testing.assert_array_equal(one[name], two[name])
        np.testing.assert_array_equal(one[name], four[name])


def test_pairs_of_pixels_fill_a_vector() -> None:
    case = CASES["the first layer of a small network"]
    wider, _ = rewritten_convolutions(optimise(graph_of(case)))
    shapes = {n.type.shape for n in wider.nodes if isinstance(n.op, Contract)}
    assert (5, 7, 1, 2, 8) in shapes, "taps of two neighbours, two neighbours, eight filters"


def test_wide_layers_stay_as_they_are() -> None:
    graph = optimise(graph_of(image((9, 9), (3, 3), (32, 64), stride=(2, 2), padding=1)))
    products = [n.op for n in rewritten_convolutions(graph)[0].nodes if len(n.inputs) == 2]
    assert products == [n.op for n in graph.nodes if len(n.inputs) == 2]


@pytest.mark.parametrize(("padding", "ordered"), [(1, True), (0, False)])
def test_rows_of_a_gradient_are_written_in_order(padding: int, ordered: bool) -> None:
    """Along an axis of stride 1, where that takes not many more products."""
    case = image((5, 9), (3, 3), (13, 29), stride=(1, 2), padding=padding)
    wider, _ = rewritten_convolutions(optimise(graph_of(case)))
    (gradient,) = (
        n.op for n in wider.nodes
        if isinstance(n.op, Contract) and n.type.shape == (5, 9, 13) and len(n.inputs) == 2
    )  # fmt: skip
    assert (gradient.result[0].plain is not None) == ordered


def test_what_is_needed_is_counted_without_the_zeros() -> None:
    case = CASES["the first layer of a small network"]
    wider, needed = rewritten_convolutions(optimise(graph_of(case)))
    rewritten = [n for n in wider.nodes if n.tag in needed]
    assert rewritten
    assert all(needed[n.tag] == np.prod(case.op.extents) for n in rewritten)
    assert all(np.prod(n.op.extents) > needed[n.tag] for n in rewritten)


def test_a_short_bias_is_repeated_for_a_row_of_pixels(check_compiled) -> None:
    operands = [Operand((7, 5, 3)), Operand((3,), True)]
    graph = derivative_graph(lambda x, b: x.apply("maximum", x * b + b, 0.0), operands)
    check_compiled(graph, values=values_of(operands, 5))
    wider, _ = rewritten_convolutions(optimise(graph))
    assert (7, 5, 3) in {n.type.shape for n in wider.nodes if n.op.name == "copy"}
