"""Sequences of the language: what they give, against the same computation in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, of_role
from tests.support.ragged import OTHERS, given, module, result, run


def elman(p: dict[str, Any], prefix: str, xs: Any, start: Any = 0.0) -> np.ndarray:
    """Elman's states for one example."""
    w, u, b = (p[f"{prefix}.{n}"] for n in "WUb")
    states, r = [], np.zeros(len(b)) + start
    for x in xs:
        r = np.tanh(w @ r + u @ x + b)
        states.append(r)
    return np.array(states).reshape(-1, len(b))


def dense(p: dict[str, Any], prefix: str, x: Any) -> Any:
    return x @ p[f"{prefix}.W"].T + p[f"{prefix}.b"]


def test_many_to_many_in_step() -> None:
    text = "model tag(xs : seq [3]) -> seq [5] { xs |> scan(elman(4)) |> dense(5) }"
    found, p = result(text)
    for k, xs in enumerate(p["xs"]):
        expected = dense(p, "tag.dense1", elman(p, "tag.elman1", xs))
        np.testing.assert_allclose(found[k], expected)


def test_many_to_one() -> None:
    text = "model mood(xs : seq [3]) -> [2] { xs |> scan(elman(4)) |> last |> dense(2) }"
    found, p = result(text)
    for k, xs in enumerate(p["xs"]):
        states = np.vstack([np.zeros((1, 4)), elman(p, "mood.elman1", xs)])
        np.testing.assert_allclose(found[k], dense(p, "mood.dense1", states[-1]))


def test_one_to_many() -> None:
    text = "model caption(z : [3]) -> seq(6) [2] { z |> unfold(6, elman(4)) |> dense(2) }"
    found, p = result(text)
    for k, z in enumerate(p["z"]):
        expected = dense(p, "caption.dense1", elman(p, "caption.elman1", [z] * 6))
        np.testing.assert_allclose(found[k], expected)


def test_many_to_many_after_reading() -> None:
    text = """
    model translate(xs : seq [3], ys : seq(m) [2]) -> seq(m) [4] {
        read = xs |> scan(elman(4)) |> last
        before(ys) |> scan(elman(4), start = read)
    }"""
    found, p = result(text, m=OTHERS)
    for k, (xs, ys) in enumerate(zip(p["xs"], p["ys"], strict=True)):
        read = np.vstack([np.zeros((1, 4)), elman(p, "translate.elman1", xs)])[-1]
        late = np.vstack([np.zeros((1, 2)), ys])[:-1]
        np.testing.assert_allclose(found[k], elman(p, "translate.elman2", late, read))


def test_bidirectional_and_stacked() -> None:
    text = """
    model f(xs : seq [3]) -> seq [4] {
        xs |> both(elman(2), elman(2)) |> scan(elman(4)) |> dropout
    }"""
    found, p = result(text)
    for k, xs in enumerate(p["xs"]):
        ahead, back = elman(p, "f.both1.elman1", xs), elman(p, "f.both1.elman2", xs[::-1])[::-1]
        expected = elman(p, "f.elman1", np.hstack([ahead, back]))
        np.testing.assert_allclose(found[k], expected)


def test_a_state_of_several_parts() -> None:
    text = """
    cell leaky(s : (h : [4], c : [4]), x : [n]) -> (h : [4], c : [4]) {
        param W : [4, n] ~ glorot_uniform
        c = 0.5 * s.c + W @ x
        (tanh(c) * s.h + 1, c)
    }
    model f(xs : seq [3]) -> (h : seq [4], all : seq [4], end : [4]) {
        cell1 = leaky
        states = xs |> scan(leaky, all = true)
        (xs |> scan(leaky), states.c, last(states).h)
    }"""
    found, p = result(text)
    for k, xs in enumerate(p["xs"]):
        h, c, w, rows = np.zeros(4), np.zeros(4), p["f.leaky1.W"], []
        again, cs, other = np.zeros(4), np.zeros(4), []
        for x in xs:
            c = 0.5 * c + w @ x
            h = np.tanh(c) * h + 1
            cs = 0.5 * cs + p["f.leaky2.W"] @ x
            again = np.tanh(cs) * again + 1
            rows.append(c)
            other.append(again)
        np.testing.assert_allclose(found["all"][k], np.array(rows).reshape(-1, 4))
        np.testing.assert_allclose(found["h"][k], np.array(other).reshape(-1, 4))
        np.testing.assert_allclose(found["end"][k], h)


REDUCTIONS = {
    "time_sum(xs)": lambda xs: xs.sum(0),
    "time_mean(xs)": lambda xs: xs.sum(0) / max(len(xs), 1),
    "time_max(xs)": lambda xs: xs.max(0) if len(xs) else np.zeros(3),
    "last(xs)": lambda xs: xs[-1] if len(xs) else np.zeros(3),
    "first(xs)": lambda xs: xs[0] if len(xs) else np.zeros(3),
    "last(reverse(xs))": lambda xs: xs[0] if len(xs) else np.zeros(3),
    "last(position(xs) + xs)": lambda xs: len(xs) - 1 + xs[-1] if len(xs) else np.zeros(3),
    "time_sum(rows([[1, 2, 3], [4, 5, 6]]))": lambda xs: np.array([5, 7, 9]),
    "sum(from_rows(rows([[1, 2, 3], [4, 5, 6]])), axis = 0)": lambda xs: np.array([5, 7, 9]),
    "length(xs) * ones([3])": lambda xs: len(xs) * np.ones(3),
    "last(before(xs, 2))": lambda xs: (
        [0 * np.ones(3), 2 * np.ones(3)][min(len(xs), 1)] if len(xs) < 2 else xs[-2]
    ),
}


@pytest.mark.parametrize("expression", REDUCTIONS)
def test_functions_of_a_whole_sequence(expression: str) -> None:
    found, p = result(f"model f(xs : seq [3]) -> [3] {{ {expression} }}")
    for k, xs in enumerate(p["xs"]):
        np.testing.assert_allclose(found[k], REDUCTIONS[expression](xs), atol=1e-12)


def test_a_sequence_names_its_length() -> None:
    text = """
    model f(xs : seq(m) [3], ys : seq(xs) [3]) -> seq(ys) [3] { xs + ys }
    data d(xs : seq(m) [3], ys : seq(xs) [3]) = npz("none.npz")"""
    made = module(text)
    (source,) = made.data
    assert [type.time for _, type in source.fields] == ["m", "m"]
    found, p = result(text)
    np.testing.assert_allclose(found.values, p["xs"].values + p["ys"].values)


def test_an_open_model_has_the_sizes_of_its_first_use_and_lengths_of_its_own() -> None:
    made = module("""
    model tag(xs : seq [n]) -> seq [2] { xs |> scan(elman(4)) |> dense(2) }
    model twin(a : seq(k) [n], b : seq(k) [n]) -> seq(k) [n] { a * b }
    model pixel(x : t) -> t { tanh(x) }
    data d(words : seq(n) [3], others : seq(n) [3]) = npz("none.npz")
    train on d {
        minimize sum(tag(twin(words, pixel(others))))
        using sgd
    }""")
    assert [str(t) for _, t in made.models["tag"].inputs] == ["seq [3]"]
    times = {name: [t.time for _, t in s.inputs] for name, s in made.models.items()}
    assert times == {"tag": ["xs"], "twin": ["k", "k"], "pixel": [None]}


def test_a_layer_is_applied_to_every_element() -> None:
    text = """
    layer jitter(x : [n]) -> [n] { noise e : [n] ~ normal(0, 1); x + 0 * e : [n] }
    model f(words : seq(n) class(9), other : seq(n) [2]) -> seq(n) [5] {
        concat(words |> embedding(9, 3), other) |> jitter |> softmax : seq [5]
    }"""
    found, p = result(text)
    for k, (words, other) in enumerate(zip(p["words"], p["other"], strict=True)):
        rows = np.hstack([p["f.embedding1.W"][words], other])
        expected = np.exp(rows) / np.exp(rows).sum(-1, keepdims=True)
        np.testing.assert_allclose(found[k], expected)


def test_noise_is_drawn_for_every_element() -> None:
    text = "layer e(x : [n]) -> [n] { noise e : [n] ~ normal(0, 1); x + e }\n"
    found, p = result(text + "model f(xs : seq [3]) -> seq [3] { xs |> e }")
    drawn = found.values - p["xs"].values
    assert len(np.unique(drawn)) == drawn.size


def test_a_recurrence_written_out_is_that_of_the_cell() -> None:
    cell = "model f(xs : seq [3]) -> seq [4] { xs |> scan(elman(4), backwards = true) }"
    written = """
    model f(xs : seq [3]) -> seq [4] {
        param elman1.W : [4, 4] = 0
        param elman1.U : [4, 3] = 0
        param elman1.b : [4] = 0
        r = previous(zeros([4]), xs, backwards = true)
        r' = tanh(elman1.W @ r + elman1.U @ xs + elman1.b)
        r'
    }"""
    (a, p), (b, q) = result(cell), result(written)
    same = run(module(written).forward("f"), p)["result"]
    np.testing.assert_array_equal(a.values, same.values)
    assert set(p) == set(q) and len(b) == len(a)


TRAINED = """
model tag(xs : seq [3]) -> seq [5] { xs |> both(elman(3), elman(2)) |> dense(5) }
model read(xs : seq [3]) -> [4] { xs |> scan(elman(4)) |> last }
data words(xs : seq(n) [3], ys : seq(n) class(5)) = npz("none.npz")
train on words {
    minimize cross_entropy(tag(xs), ys) + 0.1 * norm(read(xs)) + sum(time_max(tag(xs)))
    using sgd
}
"""


def test_gradients_agree_with_differences() -> None:
    graph = module(TRAINED).gradients("train")
    values = given(graph)
    found = run(graph, values)
    for name, gradient in of_role(Role.GRADIENT, found).items():
        for place in list(np.ndindex(values[name].shape))[::3]:
            ends = []
            for sign in (1, -1):
                moved = values[name].copy()
                moved[place] += sign * 1e-6
                ends.append(run(graph, {**values, name: moved})["loss"])
            slope = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(gradient[place], slope, atol=1e-7)


def test_a_loss_of_every_element_counts_as_its_mean() -> None:
    text = """
    model f(xs : seq [3]) -> seq scalar { param w : [3] = 1; w @ xs }
    data d(xs : seq [3]) = npz("none.npz")
    train on d { minimize f(xs)^2 using sgd; report size = f(xs) }"""
    graph = module(text).evaluate("train")
    values = given(graph)
    found = run(graph, values)
    for k, xs in enumerate(values["xs"]):
        each = (xs @ values["f.w"]) ** 2
        np.testing.assert_allclose(found["loss"][k], each.sum() / max(len(xs), 1))
