"""Every kind of sum keeps its bound at ten million terms, in float32, on every number of threads.

Running sums of so many terms do not: most of these fail with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Input, Literal
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import broadcast, sum_axes
from gradc_compiler.rewrites.split_long_sums import cut_long_sums
from tests.support.graphs import run_compiled
from tests.support.long_sums import WIDE, Case, N, above, check, exact, numbers, one, rows_above

Array = np.ndarray
SIDE, FEWER = 1500, N // 4


def batch(*shape: int) -> Callable[[], dict[str, Any]]:
    """As many examples of a shape as there are numbers."""
    return lambda: {"x": numbers().reshape(-1, *shape)}


def reduced(shape: tuple[int, ...], *axes: int) -> Case:
    """A tensor summed over axes."""
    terms = int(np.prod([shape[a] for a in axes]))
    return Case(
        lambda b: sum_axes(b.add(Input("x", shape)), axes),
        one(*shape),
        lambda: one(*shape)()["x"][0].sum(axis=axes, dtype=np.float64),
        terms,
    )


def wide(b: Builder) -> Value:
    x = broadcast(b.add(Input("x", (FEWER, 1))), (FEWER, 20))
    return sum_axes(x.apply("maximum", x, broadcast(b.add(Literal(WIDE, (20,))), x.shape)), [0])


def contracted(
    extents: tuple[int, ...], maps: list[tuple[Affine, ...]], result: tuple[Affine, ...],
    shapes: list[tuple[int, ...]], shape: tuple[int, ...],
) -> Callable[[Builder], Value]:  # fmt: skip
    """A product of two tensors, both of the numbers from the first on."""

    def build(b: Builder) -> Value:
        xs = [b.add(Input(name, own)) for name, own in zip("xy", shapes, strict=True)]
        return b.add(Contract(extents, tuple(maps), result, shape), *xs)

    return build


def two(first: tuple[int, ...], second: tuple[int, ...]) -> Callable[[], dict[str, Any]]:
    return lambda: {"x": one(*first)()["x"], "y": one(*second)()["x"]}


def image() -> Array:
    return exact(numbers()[: SIDE * SIDE].reshape(SIDE, SIDE))


def window() -> Array:
    padded = np.pad(image(), 1)
    return np.array(
        [[(padded[i : i + SIDE, j : j + SIDE] * image()).sum() for j in range(3)] for i in range(3)]
    )


I, J, K = index(0), index(1), index(2)
HALF = N // 2
CASES = {
    "a vector": reduced((N,), 0),
    "a vector of prime length": reduced((9_999_991,), 0),
    "the leading axis": reduced((HALF, 2), 0),
    "two leading axes": reduced((2500, 2000, 2), 0, 1),
    "the last axis": reduced((2, HALF), 1),
    "the leading axis, of many columns": Case(
        wide, one(FEWER, 1), lambda: rows_above(numbers()[:FEWER]), FEWER
    ),
    "a product of vectors": Case(
        contracted((N,), [(I,), (I,)], (), [(N,), (N,)], ()),
        two((N,), (N,)),
        lambda: exact(numbers()) @ exact(numbers()),
        N,
    ),
    "a vector backwards": Case(
        contracted((N,), [(I,), (Affine(((0, -1),), N - 1),)], (), [(N,), (N,)], ()),
        two((N,), (N,)),
        lambda: exact(numbers()) @ exact(numbers()[::-1]),
        N,
    ),
    "rows of a matrix": Case(
        contracted((HALF, 2), [(I,), (I, J)], (J,), [(HALF,), (HALF, 2)], (2,)),
        two((HALF,), (HALF, 2)),
        lambda: exact(numbers()[:HALF]) @ exact(numbers().reshape(-1, 2)),
        HALF,
    ),
    "column by column": Case(
        contracted((HALF, 2), [(I, J), (I, J)], (J,), [(HALF, 2), (HALF, 2)], (2,)),
        two((HALF, 2), (HALF, 2)),
        lambda: (exact(numbers().reshape(-1, 2)) ** 2).sum(axis=0),
        HALF,
    ),
    "a window of an image": Case(
        contracted(
            (3, 3, SIDE, SIDE),
            [
                (Affine(((0, 1), (2, 1)), -1), Affine(((1, 1), (3, 1)), -1)),
                (index(2), index(3)),
            ],
            (I, J), [(SIDE, SIDE), (SIDE, SIDE)], (3, 3),
        ),
        two((SIDE, SIDE), (SIDE, SIDE)),
        window,
        SIDE * SIDE,
    ),
    "the examples of a batch": Case(
        lambda b: b.add(BatchMean(), b.add(Input("x", ()))),
        batch(),
        lambda: numbers().mean(dtype=np.float64),
        N,
        N,
    ),
    "few numbers of each example": Case(
        lambda b: b.add(BatchMean(), b.add(Input("x", (2,)))),
        batch(2),
        lambda: numbers().reshape(-1, 2).mean(axis=0, dtype=np.float64),
        HALF,
        HALF,
    ),
    "many numbers of each example": Case(
        lambda b: b.add(BatchMean(), above(b.add(Input("x", (1,))))),
        batch(1),
        lambda: rows_above(numbers()) / N,
        N,
        N,
    ),
}  # fmt: skip


def graph_of(case: Case) -> Graph:
    b = Builder()
    return b.graph({"y": case.build(b).id})


@pytest.mark.parametrize("name", CASES)
def test_sums_keep_their_bound(name: str) -> None:
    case = CASES[name]
    graph, values = graph_of(case), case.given()
    found = [
        run_compiled(graph, values, case.batch, dtype="float32", threads=threads)["y"]
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*found)
    check(np.ravel(found[0])[: np.size(case.right())].reshape(np.shape(case.right())), case)
    reference = evaluate(graph, values, case.batch, "float32")["y"]
    check(reference.reshape(np.shape(case.right())), case)


@pytest.mark.parametrize(("kept", "cut"), [((1, 2), True), ((2,), False)])
def test_what_is_added_in_memory_is_an_examples_own_sum(kept: tuple[int, ...], cut: bool) -> None:
    extents, b = (14, 14, 8), Builder()
    places, result = tuple(map(index, range(3))), tuple(map(index, kept))
    op = Contract(extents, (places,), result, tuple(extents[k] for k in kept), mean=True)
    graph = cut_long_sums(b.graph({"y": b.add(op, b.add(Input("x", extents))).id}))
    assert isinstance(graph[graph.outputs["y"]].op, BatchMean) == cut
