"""Contractions run natively: every family, random ones, any sizes, batches, threads and passes."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.rewrites.table import ALGEBRA
from tests.support.contractions import Case, I, J, at, convolution, product_of, random_case, two
from tests.support.graphs import Operand, derivative_graph, values_of
from tests.support.products import CASES, MANY, many

SWITCHES = [*ALGEBRA, "fusion", "whole-step"]
WIDE = [
    product_of(37, 7, 37),
    product_of(7, 37, 16, order="tn"),
    product_of(16, 16, 7, order="nt"),
    product_of(1, 37, 37),
    product_of(64, 1, 3),
    product_of(13, 17, 8, order="tt"),
    convolution(12, 5, 4, 16, padding=2),
    convolution(13, 3, 7, 8, stride=3, padding=1),
    two((37, 37), ((I, J), (J,)), (I,), (37,), (37, 37), (37,)),
    two((16, 33), ((J,), (J, I)), (I,), (16,), (33,), (33, 16)),
]


def operands_of(case: Case, uniform: tuple[int, ...] = ()) -> list[Operand]:
    return [Operand(shape, k in uniform) for k, shape in enumerate(case.shapes)]


def graph_of(case: Case, uniform: tuple[int, ...] = ()) -> Graph:
    """The contraction, its mean loss and its derivatives, of operands that are leaves."""
    return derivative_graph(lambda *xs: xs[0].builder.add(case.op, *xs), operands_of(case, uniform))


def computed_graph(case: Case, uniform: tuple[int, ...] = ()) -> Graph:
    """The same, where the operands are computed and the result is read elementwise."""

    def function(*xs):
        made = [x.apply("tanh", x * 0.5) for x in xs]
        y = xs[0].builder.add(case.op, *made)
        return y * y + y

    return derivative_graph(function, operands_of(case, uniform))


SOME = [pytest.param(n, marks=pytest.mark.wide) if k % 3 else n for k, n in enumerate(CASES)]


@pytest.mark.parametrize("name", CASES)
def test_classic_contractions(name: str, check_compiled) -> None:
    case = CASES[name]
    for uniform in [(), (0,)]:
        values = values_of(operands_of(case, uniform), 5)
        check_compiled(graph_of(case, uniform), values=values)


@pytest.mark.parametrize("name", SOME)
def test_classic_contractions_of_computed_operands(name: str, check_compiled) -> None:
    case = CASES[name]
    uniform = (len(case.shapes) - 1,)
    values = values_of(operands_of(case, uniform), 3)
    check_compiled(computed_graph(case, uniform), 3, values=values)


@pytest.mark.parametrize("name", MANY)
def test_classic_contractions_of_all_factors_at_once(name: str, check_compiled) -> None:
    case = CASES[name]
    values = values_of(operands_of(case, (1,)), 5)
    check_compiled(graph_of(case, (1,)), values=values, without=("pairs",))


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", ["sum into windows", "product of three into windows"])
def test_threads_that_share_a_sum_write_apart(name: str, threads: int, check_compiled) -> None:
    """Long enough to be shared: the windows of two threads would overlap."""
    shapes, loops = ((3000, 7), (7,), (3000,)), ((I, J), (J,), (I,))
    factors = 3 if "three" in name else 1
    case = many((3000, 7), loops[:factors], (at((0, 1), (1, 1)),), (3006,), *shapes[:factors])
    uniform = tuple(range(factors))
    values, without = values_of(operands_of(case, uniform), 2), ("pairs", "whole-step")
    graph = graph_of(case, uniform)
    one = check_compiled(graph, 2, values=values, without=without)
    found = check_compiled(graph, 2, values=values, without=without, threads=threads)
    for key in one:
        np.testing.assert_array_equal(found[key], one[key])


def test_more_loops_than_a_tile_counts(check_compiled) -> None:
    loops, size = [at((k, 1)) for k in range(17)], (2,) * 17
    maps = (tuple(loops[::-1]), tuple(loops[::2]))
    case = two(size, maps, tuple(loops), size, size, size[::2])
    check_compiled(graph_of(case, (1,)), 2, values=values_of(operands_of(case, (1,)), 2))


@pytest.mark.parametrize("case", WIDE, ids=lambda c: str(c.op.extents))
@pytest.mark.parametrize("batch", [1, 5, 33])
def test_sizes_around_the_tiles(case: Case, batch: int, check_compiled) -> None:
    for uniform in [(), (0,), (1,), (0, 1)]:
        values = values_of(operands_of(case, uniform), batch)
        check_compiled(graph_of(case, uniform), batch, values=values)


@pytest.mark.parametrize("case", WIDE, ids=lambda c: str(c.op.extents))
def test_single_precision(case: Case, check_compiled) -> None:
    values = values_of(operands_of(case, (1,)), 33)
    check_compiled(graph_of(case, (1,)), 33, values=values, dtype="float32")


@pytest.mark.parametrize("case", WIDE[::3], ids=lambda c: str(c.op.extents))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_threads_do_not_change_a_bit(case: Case, dtype: str, check_compiled) -> None:
    graph, values = computed_graph(case, (1,)), values_of(operands_of(case, (1,)), 200)
    one, two, three = (
        check_compiled(graph, 200, values=values, dtype=dtype, threads=n) for n in (1, 2, 3)
    )
    for name in graph.outputs:
        np.testing.assert_array_equal(one[name], two[name])
        np.testing.assert_array_equal(one[name], three[name])


@pytest.mark.parametrize("without", SWITCHES)
@pytest.mark.parametrize(
    "name",
    [
        "convolution, everything",
        "matrix product",
        "windows of windows",
        "attention mix",
        "masked convolution",
        "bilinear layer",
    ],
)
def test_each_pass_can_be_left_out(name: str, without: str, check_compiled) -> None:
    case = CASES[name]
    uniform = (len(case.shapes) - 1,)
    values = values_of(operands_of(case, uniform), 5)
    check_compiled(computed_graph(case, uniform), values=values, without=(without,))


@pytest.mark.parametrize("seed", range(24))
def test_random_contractions(seed: int, check_compiled) -> None:
    assert_random_case_agrees(seed, check_compiled)


@pytest.mark.wide
@pytest.mark.parametrize("seed", range(24, 1000))
def test_many_random_contractions(seed: int, check_compiled) -> None:
    assert_random_case_agrees(seed, check_compiled)


def assert_random_case_agrees(seed: int, check_compiled) -> None:
    rng = np.random.default_rng(seed)
    case = random_case(rng, 1 + seed % 4, sizes=(1, 2, 3, 7) if seed % 3 else (1, 3, 8, 37))
    uniform = tuple(k for k in range(len(case.shapes)) if rng.random() < 0.5)
    make = computed_graph if seed % 5 == 0 else graph_of
    values = values_of(operands_of(case, uniform), 5)
    for without in [(), ("pairs",)][: 1 + (len(case.shapes) > 2)]:
        check_compiled(make(case, uniform), values=values, without=without)
