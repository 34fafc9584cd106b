"""The nest of an instruction means what its kernel does: the interpreter against native code.

Of every kind of kernel: products on each library kernel, what reads and writes where the data say,
rows along an axis, loops of its own.  Shapes are random.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.loops.loop_passes import OPTIONAL_LOOP_PASSES
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import ArgMax, BatchMean, Max
from gradc_compiler.ops.sorting import AddAlong, ArgSort, TakeAlong
from gradc_compiler.printing.row_kernel_table import ROW_KERNELS
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from tests.support.contractions import (
    Case,
    I,
    J,
    K,
    at,
    convolution,
    heads,
    product_of,
    random_case,
)
from tests.support.graphs import assert_close, place, run_compiled, sample_values
from tests.support.random_graphs import graphs
from tests.support.run_table import run_by_meaning

Make = Callable[[Builder, np.random.Generator], Value]


def contraction(case: Callable[[np.random.Generator], Case], varying: int = 1) -> Make:
    """A product of operands, so many of which each example has of its own."""

    def make(b: Builder, rng: np.random.Generator) -> Value:
        chosen = case(rng)
        kinds = [Input if k < varying else PersistentOp for k in range(len(chosen.shapes))]
        operands = zip(kinds, chosen.shapes, strict=True)
        return b.add(chosen.op, *(b.add(kind(f"x{k}", s)) for k, (kind, s) in enumerate(operands)))

    return make


def depthwise(size: int, channels: int, kernel: int) -> Case:
    """y[h, c] = sum of x[h + i, c] * k[i, c]."""
    maps = (at((0, 1), (2, 1)), J), (K, J)
    op = Contract((size, channels, kernel), maps, (I, J), (size, channels))
    return Case(op, ((size + kernel - 1, channels), (kernel, channels)))


def outer(b: Builder, rng: np.random.Generator) -> Value:
    m, n = sizes(rng, 2)
    x, g = b.add(Input("x", (m, 1))), b.add(Input("g", (1, n)))
    return b.add(BatchMean(), x * g)


def sizes(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 7, count))


def taken(b: Builder, rng: np.random.Generator) -> Value:
    rows, width = sizes(rng, 2)
    return b.add(Take(), b.add(Input("x", (rows, width))), b.add(Input("k", (3,), rows)))


def scattered(b: Builder, rng: np.random.Generator) -> Value:
    rows, width = sizes(rng, 2)
    return b.add(Scatter(rows), b.add(Input("x", (3, width))), b.add(Input("k", (3,), rows)))


def along(op: Callable[[int], object]) -> Make:
    def make(b: Builder, rng: np.random.Generator) -> Value:
        shape = sizes(rng, 3)
        return b.add(op(int(rng.integers(3))), b.add(Input("x", shape)))

    return make


def at_places(b: Builder, rng: np.random.Generator) -> Value:
    m, n = sizes(rng, 2)
    x = b.add(Input("x", (m, n)))
    order = b.add(ArgSort(), b.add(Input("y", (m, n))))
    return b.add(AddAlong(n), b.add(TakeAlong(), x, order), order) + x


MAKERS: dict[str, Make] = {
    "rows of a product": contraction(lambda rng: product_of(*sizes(rng, 3))),
    "a product once": contraction(lambda rng: product_of(*sizes(rng, 3)), varying=0),
    "dot products": contraction(lambda rng: product_of(*sizes(rng, 3), order="nt")),
    "a product with a large matrix": contraction(lambda rng: product_of(2, 3, 70)),
    "long dot products": contraction(lambda rng: product_of(2, 300, 20, order="nt")),
    "scores of heads": contraction(lambda rng: heads(*sizes(rng, 4))[0], varying=2),
    "channel by channel": contraction(lambda rng: depthwise(*sizes(rng, 3))),
    "a convolution": contraction(lambda rng: convolution(5, 3, 2, 3, padding=1)),
    "a convolution with a stride": contraction(lambda rng: convolution(7, 3, 1, 2, stride=2)),
    "any product": contraction(lambda rng: random_case(rng, 2)),
    "a mean of outer products": outer,
    "take": taken,
    "scatter": scattered,
    "argmax": lambda b, rng: b.add(ArgMax(), b.add(Input("x", sizes(rng, 2)))),
    "a maximum": along(lambda axis: Max((axis,))),
    "a running sum": along(lambda axis: CumSum(axis)),
    "a running sum from the end": along(lambda axis: CumSum(axis, backwards=True)),
    "an order": along(lambda axis: ArgSort()),
    "at places": at_places,
}


def graph_of(name: str, seed: int) -> Graph:
    b = Builder()
    return b.graph({"y": MAKERS[name](b, np.random.default_rng(seed)).id})


def kernels_of(graph: Graph) -> set[str]:
    """The kernels of the library that a graph runs on."""
    offsets = place({n.op.key: n.op for n in graph.nodes if isinstance(n.op, PersistentOp)})[0]
    return {kernel.name for kernel in schedule("test", optimise(graph), offsets).kernels}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MAKERS)
def test_the_nest_of_an_instruction_means_what_its_kernel_does(name: str, seed: int) -> None:
    graph = graph_of(name, seed)
    values = sample_values(graph, 3, seed)
    assert_close(run_by_meaning(graph, values, 3), run_compiled(graph, values, 3), 1e-10)


@settings(max_examples=5, deadline=None)
@given(graphs())
def test_so_do_those_of_any_graph(graph: Graph) -> None:
    assume(not any(isinstance(node.op, Random) for node in graph.nodes))
    values = sample_values(graph, 2)
    found = run_compiled(graph, values, 2)
    for name, array in run_by_meaning(graph, values, 2).items():
        np.testing.assert_allclose(array, found[name], rtol=1e-9, atol=1e-9)


def test_every_kernel_of_the_library_is_among_them() -> None:
    found = set[str]()
    for name in MAKERS:
        found |= kernels_of(graph_of(name, 0)) | kernels_of(graph_of(name, 1))
    wanted = {"contract_rows", "contract_lanes", "contract_dots", "contract_any", "fill"}
    assert wanted | {"transpose", "k0"} <= found


def test_every_kernel_along_an_axis_has_a_meaning_shown_here() -> None:
    shown = set()
    for name in MAKERS:
        shown |= {type(node.op) for node in graph_of(name, 0).nodes}
    assert ROW_KERNELS.keys() <= shown


@pytest.mark.parametrize("name", ["a convolution", "a maximum", "a mean of outer products"])
def test_kernels_do_so_without_the_passes_of_nests(name: str) -> None:
    graph = graph_of(name, 1)
    values = sample_values(graph, 3, 1)
    found = run_compiled(graph, values, 3, without=OPTIONAL_LOOP_PASSES)
    assert_close(run_by_meaning(graph, values, 3), found, 1e-10)
