"""Products, gradients and evaluations keep the bound of sums, on every number of threads.

Terms that are all alike: a running sum is wrong by the same amount again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.session.session import Session
from tests.support import sequence_runs
from tests.support.graphs import run_compiled
from tests.support.long_sums import bound

TENTH = np.float32(0.1)
SQUARE = float(TENTH) ** 2
I, J, K = index(0), index(1), index(2)


@dataclass(frozen=True)
class Product:
    """A graph of numbers that are all 0.1, how many terms its result has, and its kernel."""

    build: Callable[[Builder], Value]
    terms: int
    kernel: str
    examples: int = 1


def units(inputs: int) -> Callable[[Builder], Value]:
    """A dense layer of 64 units: its columns, the examples, are turned into panels."""
    op = Contract((64, inputs), ((J,), (I, J)), (I,), (64,))
    return lambda b: b.add(op, b.add(Input("x", (inputs,))), b.add(PersistentOp("W", op.extents)))


def outer(rows: int, columns: int) -> Callable[[Builder], Value]:
    """The mean gradient of a matrix."""
    op = Contract((rows, columns), ((I,), (J,)), (I, J), (rows, columns), mean=True)
    return lambda b: b.add(op, b.add(Input("x", (rows,))), b.add(Input("y", (columns,))))


def windows(b: Builder) -> Value:
    """A transposed convolution, whose windows meet up to 2,001 times in a word."""
    maps, result = ((I, K), (J, index(3))), (Affine(((0, 2), (1, 1))), K, index(3))
    op = Contract((2100, 4001, 2, 3), maps, result, (8199, 2, 3))
    return b.add(op, b.add(Input("g", (2100, 2))), b.add(PersistentOp("W", (4001, 3))))


PRODUCTS = {
    "panels": Product(units(60_000), 60_000, "contract_dots", 64),
    "of more terms than panels take": Product(units(200_000), 200_000, "contract_dots", 33),
    "a deferred gradient": Product(outer(64, 64), 100_000, "contract_rows", 100_000),
    "a gradient in blocks": Product(outer(2, 17), 1_000_000, "contract_rows", 1_000_000),
    "windows": Product(windows, 2001, "contract_rows"),
}


def tenths(graph: Graph, examples: int) -> dict[str, Any]:
    """All inputs and parameters of a graph."""
    values = {}
    for op in (node.op for node in graph.nodes):
        if isinstance(op, Input):
            values[op.key] = np.full((examples, *op.shape), TENTH)
        elif isinstance(op, PersistentOp):
            values[op.key] = np.full(op.shape, TENTH)
    return values


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_keep_their_bound(name: str) -> None:
    case, b = PRODUCTS[name], Builder()
    graph = b.graph({"y": case.build(b).id})
    entry = schedule("test", optimise(graph), dict.fromkeys("W", 0))
    assert case.kernel in {kernel.name for kernel in entry.kernels}
    values = tenths(graph, case.examples)
    found = [
        run_compiled(graph, values, case.examples, dtype="float32", threads=threads)["y"]
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*found)
    right = SQUARE if "gradient" in name else SQUARE * case.terms
    assert abs(found[0].max() / right - 1) <= bound(case.terms) + 1e-7


ROWS = 1_500_000


def test_gradients_over_the_rows_of_sequences_keep_their_bound() -> None:
    b = Builder()
    op = Contract((3, 17), ((I,), (J,)), (I, J), (3, 17), mean=True)
    x, g = (b.add(Input(key, (n,), None, "t")) for key, n in (("x", 3), ("g", 17)))
    graph = optimise(b.graph({"y": b.add(op, x, g).id}))
    lengths, found = np.array([ROWS - 7, 3, 4]), []
    values = {k: Ragged(np.full((ROWS, n), TENTH), lengths) for k, n in (("x", 3), ("g", 17))}
    for threads in (1, 2):
        runner = sequence_runs.executable(Executable, graph, {}, np.float32, threads=threads)
        given = sequence_runs.wanted(graph, {**values, "length/t": lengths}, np.float32)
        found.append(runner.run(given)[0]["y"][0])
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], SQUARE * ROWS / 3, rtol=bound(ROWS) + 1e-7)


EVALUATED = """
model f(x : scalar) -> scalar { param w = 1; w * x }
data d(x : scalar, y : scalar) = npz("none.npz")
train on d {
    minimize squared_error(f(x), y) using sgd(lr = 0.1)
    report mean_of = f(x), right = f(x) == y
}
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_an_evaluation_keeps_the_bound(threads: int) -> None:
    session = Session(compile_source(EVALUATED), dtype="float32", threads=threads)
    n = 1_000_003
    y = np.full(n, TENTH)
    y[::4] = 2
    found = session.evaluate({"x": np.full(n, TENTH), "y": y})
    share = np.count_nonzero(y == 2) / n
    assert found["mean_of"] == pytest.approx(float(TENTH), rel=1e-7)
    assert found["right"] == pytest.approx(1 - share, rel=1e-7)


NORM = """
model f(x : scalar) -> scalar { param W : [100_000] = 0.1; x * contract(: W[i] * W[i]) }
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_parameters_keep_the_bound(threads: int) -> None:
    session = Session(compile_source(NORM), dtype="float32", threads=threads)
    (found,) = session.run("f", x=np.ones(1, np.float32))
    assert found == pytest.approx(100_000 * SQUARE, rel=bound(100_000) + 1e-7)
