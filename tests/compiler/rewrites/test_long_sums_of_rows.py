"""Sums over time and by label keep their bound too; places beyond those of float32 are exact."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.index import Scatter
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.reduce import ArgMax, BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.table import optimise
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.session.session import Session
from tests.support import sequence_runs
from tests.support.graphs import run_compiled
from tests.support.long_sums import Case, N, above, check, exact, numbers, one, rows_above


def test_sums_of_rows_by_label_keep_their_bound() -> None:
    b = Builder()
    y = b.add(Scatter(3), b.add(Input("x", (N, 1))), b.add(Input("at", (N,), 3)))
    at = np.random.default_rng(4).integers(0, 3, (1, N))
    values, right = {**one(N, 1)(), "at": at}, np.bincount(at[0], exact(numbers()))
    case = Case(lambda b: y, one(N, 1), lambda: right, N)
    graph = b.graph({"y": y.id})
    given = values | {"at": at.astype(np.int32)}
    check(run_compiled(graph, given, 1, dtype="float32")["y"].reshape(3), case)
    check(evaluate(graph, values, 1, "float32")["y"].reshape(3), case)


STEPS = 2_000_000
OF_TIME = {
    "a number": lambda x: x,
    "its mean": lambda x: x,
    "many numbers": above,
    "their mean": above,
}


@pytest.mark.parametrize("name", OF_TIME)
def test_sums_over_time_keep_their_bound(name: str) -> None:
    b, several = Builder(), "many" in name or "their" in name
    x = b.add(Input("x", (1,) if several else (), None, "t"))
    y = b.add(TimeSum(), OF_TIME[name](x))
    graph = b.graph({"y": (b.add(BatchMean(), y) if "mean" in name else y).id})
    given = Ragged(numbers()[:STEPS].reshape(-1, *x.shape), np.array([STEPS]))
    values = {"x": given, "length/t": np.array([STEPS])}
    sums = rows_above(numbers()[:STEPS]) if several else numbers()[:STEPS].sum(dtype=np.float64)
    case = Case(lambda b: y, dict, lambda: sums, STEPS)
    check(np.reshape(evaluate(graph, values, 1, "float32")["y"], np.shape(sums)), case)
    found = []
    for threads in (1, 2):
        runner = sequence_runs.executable(
            Executable, optimise(graph), {}, np.float32, threads=threads
        )
        results, outputs = runner.run(sequence_runs.wanted(graph, values, np.float32))
        found.append(np.reshape((results | outputs)["y"], np.shape(sums)))
    np.testing.assert_array_equal(*found)
    check(found[0], case)


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_places_beyond_those_of_float32_are_exact(target: str) -> None:
    b, size, place = Builder(), (1 << 24) + 4, (1 << 24) + 1
    graph = b.graph({"y": b.add(ArgMax(), b.add(Input("x", (size,)))).id})
    x = np.zeros((1, size), np.float32)
    x[0, place] = 1.0
    if target == "reference":
        found = evaluate(graph, {"x": x}, 1, "float32")
    else:
        found = run_compiled(graph, {"x": x}, 1, dtype="float32")
    assert int(found["y"][0]) == place


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_one_hot_tells_more_labels_apart_than_float32(target: str) -> None:
    size, place = (1 << 24) + 4, (1 << 24) + 1
    text = f"model hot(at : class({size})) -> [{size}] {{ one_hot(at, {size}) }}\n"
    session = Session(compile_source(text), target=target, threads=1)
    hot = session.run("hot", at=np.array([place]))[0]
    assert hot.sum() == 1 and hot[place] == 1


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize("shape", ["7", "1, 7", "2, 3, 7"])
def test_one_hot_of_several_such_labels(
    target: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gradc_compiler.elaborate.functions.labels.TOLD_APART", 4
    )  # in place of 2^24
    text = f"model hot(x : [{shape}]) -> [{shape}] {{ one_hot(argmax(x)) }}\n"
    x = np.random.default_rng(2).normal(size=(5, *map(int, shape.split(", "))))
    hot = Session(compile_source(text), target=target).run("hot", x=x)
    np.testing.assert_array_equal(hot, x == x.max(axis=-1, keepdims=True))
