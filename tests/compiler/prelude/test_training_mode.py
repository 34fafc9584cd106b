"""What differs between training and inference: dropout, batch normalisation; and embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged, of_role
from gradc_compiler.graph_tools.evaluate import evaluate
from tests.compiler.prelude.cases import assert_gradient, layer_module, module_of, numbers

DROPPED = module_of("""
    model f(x : [50]) { param w : [50] = 1
        (x * w) |> dropout(0.3) }
    data d(x : [50]) = line()
    train on d { y = f(x)
        minimize mean(y)
        report zeros = mean(y == 0), kept = max(y)
        using sgd(lr = 1) }
""")


def test_dropout_keeps_the_mean_and_zeroes_its_share():
    graph = DROPPED.step("train")
    found = evaluate(graph, numbers(graph, 400, x=np.ones((400, 50)), **{"f.w": np.ones(50)}), 400)
    assert found["loss"] == pytest.approx(1, abs=0.02)
    assert found[Tagged(Role.REPORT, "zeros")] == pytest.approx(0.3, abs=0.015)
    assert found[Tagged(Role.REPORT, "kept")] == pytest.approx(1 / 0.7)


def test_dropout_is_new_for_every_example_and_step():
    graph = DROPPED.gradients("train")
    values = numbers(graph, 2, x=np.ones((2, 50)), **{"f.w": np.ones(50), "step": np.array(1)})
    first = evaluate(graph, values, 2)[Tagged(Role.GRADIENT, "f.w")]
    assert len(np.unique(first)) == 3  # both kept, one, none
    np.testing.assert_array_equal(first, evaluate(graph, values, 2)[Tagged(Role.GRADIENT, "f.w")])
    second = evaluate(graph, values | {"step": np.array(2)}, 2)
    assert np.any(first != second[Tagged(Role.GRADIENT, "f.w")])


def test_dropout_rests_in_inference():
    x = np.random.default_rng(0).normal(size=(3, 50))
    graph = DROPPED.evaluate("train")
    values = numbers(graph, 3, x=x, **{"f.w": np.ones(50)})
    np.testing.assert_array_equal(evaluate(DROPPED.forward("f"), values, 3)["result"], x)
    found = evaluate(graph, values, 3)
    np.testing.assert_allclose(found["loss"], x.mean(axis=1))


NORMALISED = module_of("""
    model f(x : [2, 3]) { x |> batch_norm(momentum = 0.25) }
    data d(x : [2, 3]) = line()
    train on d { y = f(x)
        minimize sum(y)
        report mean = mean(y), square = mean(y^2)
        using sgd(lr = 0) }
""")


def test_batch_norm_normalises_over_examples_and_leading_axes():
    graph, x = NORMALISED.step("train"), np.random.default_rng(0).normal(3, 2, size=(5, 2, 3))
    start = {p.name: evaluate(p.initial, {})["value"] for p in NORMALISED.parameters}
    counters = {"step": np.array(0), "seed": np.array(0)}
    found = evaluate(graph, start | counters | {"x": x}, 5)
    assert found[Tagged(Role.REPORT, "mean")] == pytest.approx(0, abs=1e-12)
    assert found[Tagged(Role.REPORT, "square")] == pytest.approx(1, rel=1e-4)
    mean, var = x.mean(axis=(0, 1)), x.var(axis=(0, 1))
    updates = of_role(Role.UPDATE, found)
    np.testing.assert_allclose(updates["f.batch_norm1.running_mean"], 0.25 * mean)
    np.testing.assert_allclose(updates["f.batch_norm1.running_var"], 0.75 + 0.25 * var)


def test_batch_norm_uses_the_running_statistics_in_inference():
    x = np.random.default_rng(0).normal(3, 2, size=(5, 2, 3))
    values = {"x": x} | {
        f"f.batch_norm1.{n}": np.array(v)
        for n, v in {
            "gamma": [1.0, 2, 3],
            "beta": [0.5, 0, 0],
            "running_mean": [3.0, 2, 1],
            "running_var": [4.0, 9, 1],
        }.items()
    }
    wanted = (x - [3, 2, 1]) / np.sqrt(np.array([4, 9, 1]) + 1e-5) * [1, 2, 3] + [0.5, 0, 0]
    np.testing.assert_allclose(evaluate(NORMALISED.forward("f"), values, 5)["result"], wanted)
    found = evaluate(NORMALISED.evaluate("train"), values, 5)
    np.testing.assert_allclose(found["loss"], wanted.sum(axis=(1, 2)))


def test_one_example_decides_nothing_in_inference():
    graph = layer_module("batch_norm").forward("f")
    values = numbers(graph, 4, **{"f.batch_norm1.running_var": np.ones(5)})
    alone = evaluate(graph, values | {"s": values["s"][:1]}, 1)["result"]
    np.testing.assert_array_equal(evaluate(graph, values, 4)["result"][:1], alone)


EMBEDDED = module_of("""
    model f(token : class(7)) { token |> embedding(7, 3) }
    data d(token : class(7)) = line()
    train on d { minimize sum(sin(f(token)))
        using sgd(lr = 1) }
""")


def test_embedding_looks_rows_up(check_compiled):
    tokens = np.array([3, 0, 6, 3])
    graph = EMBEDDED.forward("f")
    values = numbers(graph, 4, token=tokens)
    table = values["f.embedding1.W"]
    np.testing.assert_array_equal(evaluate(graph, values, 4)["result"], table[tokens])
    graph = EMBEDDED.gradients("train")
    assert_gradient(graph, values, 4)
    check_compiled(graph, batch=4, values=values)
