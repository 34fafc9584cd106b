"""The derived program is a program: it parses, has the same numbers, and trains alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind
from gradc_compiler.pipeline import Compilation, compilation
from gradc_runtime.session.session import Session
from tests.compiler.derived.true_names import wrong_names

SPECS = Path(__file__).resolve().parents[3] / "specs"
EXAMPLES = 3

NOISY = """
model D(x : [6]) -> scalar { x |> dense(4) |> leaky_relu |> dropout(0.5) |> dense(1) |> as(scalar) }
model G(z : [2]) -> [6] { z |> dense(5) |> softplus |> dense(6) }
data real(x : [6]) = blobs(features = 6)
train on real {
    noise z : [2] ~ normal(0, 1)
    step discriminator {
        minimize bce_logits(D(x), 1) + bce_logits(D(G(z)), 0) over D
        using adam(lr = 1e-2)
    }
    step generator { minimize bce_logits(D(G(z)), 1) over G using sgd(lr = 1e-2) }
}
"""
TABLES = """
model tag(word : class(7), other : [4, 3]) -> [5] {
    e = word |> embedding(7, 6)
    m = max(other, axis = 0)
    concat(e, m, [1, 2][0] * m) |> layer_norm |> dense(5) |> log_softmax
}
data words(word : class(7), other : [4, 3], label : class(5)) = npz("none.npz")
train on words {
    minimize -tag(word, other)[label] + 1e-3 * l1(tag)
    using momentum(lr = 1e-2), clip(norm = 1)
}
"""
SECOND = """
model u(t : scalar) -> scalar { t |> as([1]) |> dense(5) |> tanh |> dense(1) |> as(scalar) }
data times(t : scalar) = line()
train on times {
    v = u(t)
    a = grad(grad(v, t), t)
    minimize (a + v)^2
    using adam(lr = 1e-2)
}
"""
SEQUENCES = """
model tag(xs : seq [3], k : scalar) -> seq [5] {
    xs |> both(lstm(3), gru(2)) |> dropout |> scan(elman(3)) |> dense(5)
}
model read(xs : seq [3]) -> [4] {
    xs |> scan(gru_reset_after(4)) |> last |> unfold(3, elman(4)) |> time_max
}
data words(xs : seq [3], ys : seq(xs) class(5), zs : seq(n) [2], k : scalar) = npz("none.npz")
train on words {
    noise e : seq(n) [2] ~ normal(0, 1)
    late = before(zs + e, 1)
    size = norm(time_mean(reverse(late) * position(zs))) + length(xs) * sum(first(zs))^2
    column = rows(reshape(first(xs), [3, 1]))
    minimize cross_entropy(tag(xs, k), ys) + norm(read(xs)) + norm(time_max(column)) + size
    using sgd(lr = 1e-2)
}
"""
PENALTY = """
model f(xs : seq [3]) -> scalar { xs |> scan(lstm(4)) |> last |> dense(1) |> as(scalar) }
data words(xs : seq [3], y : scalar) = npz("none.npz")
train on words {
    slope = grad(f(xs), xs)
    minimize (f(xs) - y)^2 + time_sum(sum(slope^2))
    using sgd(lr = 1e-2)
}
"""
OWN = """
optimizer heavy_ball(lr = 0.01, beta = 0.9)(p, g) {
    state v = 0
    v' = beta * v - lr * g
    p' = p + v'
}
schedule halved(start, every)(t) { start * 0.5^floor(t / every) }
initializer small(width = 0.01) { uniform(-width, width) }
model f(x : [3]) -> [1] { param W : [1, 3] ~ small; W @ x }
data points(x : [3], y : scalar) = npz("none.npz")
train on points {
    minimize (f(x)[0] - y)^2
    using heavy_ball(lr = halved(0.1, 500)), batch 16
}
"""
CLASH = """
model f(x : seq [3]) -> seq scalar { param n : [3] = 1; param xs = 2; x @ n * xs }
data words(xs : seq(n) [3]) = npz("none.npz")
train on words {
    minimize f(xs)^2
    using sgd(lr = 1e-2)
}
"""
DECODER = """
model read(xs : seq class(6)) -> [4] { xs |> embedding(6, 3) |> scan(gru(4)) |> last }
model write(z : [4], ys : seq(m) class(6)) -> seq(m) [6] {
    one_hot(ys, 6) |> before |> scan(gru(4), start = z) |> dense(6)
}
data pairs(xs : seq class(6), ys : seq class(6)) = npz("none.npz")
train on pairs {
    step reader { minimize cross_entropy(write(read(xs), ys), ys) over read using sgd(lr = 1e-2) }
    step writer { minimize cross_entropy(write(read(xs), ys), ys) over write using adam(lr = 1e-2) }
}
"""


def compiled(text: str, name: str) -> Compilation:
    return compilation(Source(name, text), SPECS, {}, ())


def values(made: Compilation, seed: int) -> dict[str, Any]:
    """Random data, and parameters of the same numbers in the same order."""
    rng = np.random.default_rng(seed)
    found: dict[str, Any] = {
        p.name: rng.normal(size=p.type.shape) * 0.3
        for p in made.module.persistents()
        if p.role in ("parameter", "state")
    }
    for source in made.module.data:
        for field, type in source.fields:
            lengths = np.full(EXAMPLES, type.time if isinstance(type.time, int) else 1)
            if isinstance(type.time, str):
                lengths = found.setdefault(f"length/{type.time}", rng.integers(0, 5, EXAMPLES))
            shape = (lengths.sum(), *type.shape)
            label = type.kind is Kind.INDEX
            drawn = rng.integers(0, type.classes or 1, shape) if label else rng.normal(size=shape)
            found[field] = drawn if type.time is None else Ragged(drawn, lengths)
    return found | {"seed": np.array(3), "step": np.array(2)}


def gradients(made: Compilation, step: str) -> list[np.ndarray]:
    found = made.program.evaluate(made.graphs[f"gradients/{step}"], values(made, 1), EXAMPLES)
    return [found["loss"], *of_role(Role.GRADIENT, found).values()]


NUMBERED = re.compile(r"\b(?:v|n|g|c_|report_)\d+\b")  # names that count and say nothing
CASES = {p.name: p.read_text() for p in sorted(SPECS.glob("*.nn"))}
CASES |= {"noisy": NOISY, "tables": TABLES, "second": SECOND}
CASES |= {"sequences": SEQUENCES, "decoder": DECODER, "penalty": PENALTY}
CASES |= {"clash": CLASH, "own": OWN}


@pytest.mark.parametrize("name", CASES)
def test_derived_program_has_the_same_numbers(name: str) -> None:
    made = compiled(CASES[name], name)
    if made.module.train is None:
        pytest.skip("nothing to derive")
    text = print_program(made)
    assert not NUMBERED.search(text), "a name says what a value is"
    again = compiled(text, "derived.nn")
    assert wrong_names(again) == [], "d_x is dloss/dx"
    for step in made.module.train.steps:
        one = step.name if len(made.module.train.steps) > 1 else again.module.train.steps[0].name
        for a, b in zip(gradients(made, step.name), gradients(again, one), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_derived_program_of_a_derived_program_is_itself_but_for_notes() -> None:
    first = print_program(compiled(CASES["mnist_cnn.nn"], "a.nn"))
    second = print_program(compiled(first, "b.nn")).splitlines()
    statements = [line.split("  #")[0].rstrip() for line in second]
    assert len(statements) <= len(first.splitlines()) + 2
    assert sum("contract(" in line for line in statements) == first.count("contract(")


def test_derived_program_trains_to_the_same_parameters() -> None:
    made = compiled(CASES["curve.nn"], "curve.nn")
    again = compiled(print_program(made), "derived.nn")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8,))
    sessions = [Session(m.program, target="reference", dtype="float64") for m in (made, again)]
    for name in sessions[0].parameters:
        sessions[1].parameters[name] = sessions[0].parameters[name]
    for _ in range(3):
        for session in sessions:
            session.step(x=x, y=np.sin(x))
    for name in sessions[0].parameters:
        np.testing.assert_allclose(
            sessions[0].parameters[name], sessions[1].parameters[name], rtol=1e-9, atol=1e-12
        )


def test_a_derived_program_reads_as_its_author_wrote_it() -> None:
    """Names are kept, adjoints are named after what they are, a rule is one line."""
    text = print_program(compiled(CASES["house.nn"], "house.nn"))
    lines = [line.split("  #")[0].strip() for line in text.splitlines()]
    first = lines.index("c1 = theta2 * sqft")
    assert lines[first : first + 8] == [
        "c1 = theta2 * sqft",
        "price = theta1 + c1",
        "c2 = price - paid",
        "loss = c2 * c2",
        "d_price = 2 * c2",
        "d_theta1 = batch_mean(d_price)",
        "d_theta2 = batch_mean(d_price * sqft)",
        "(loss, d_theta1, d_theta2)",
    ]


def test_layers_and_their_derivatives_are_products_again() -> None:
    text = print_program(compiled(CASES["circle.nn"], "circle.nn"))
    assert "c2 = dense1.W @ p + dense1.b " in text and "d_c3 = d_c5 @ dense2.W " in text
    assert "d_c2 = d_c3 * (1 - c3 * c3) " in text and "d_c13 = -1 / c13 " in text


@pytest.mark.parametrize(
    "model",
    ["w * (x - (2 - x))", "(w - x) - 2", "w / (x / 3)", "abs(w * x) ^ 3.5", "(w < x) * w - -w"],
)
def test_arithmetic_within_arithmetic_keeps_its_order(model: str) -> None:
    """What is written where it is read is computed in the same order, to the bit."""
    text = (
        f"model f(x : [3]) -> scalar {{ param w : [3] = 0.7\n sum({model}) }}\n"
        'data d(x : [3]) = npz("none.npz")\n'
        "train on d { v = f(x)\n minimize exp(v / 3) * sin(v) using sgd(lr = 1) }"
    )
    made = compiled(text, "a.nn")
    again = compiled(print_program(made), "b.nn")
    for a, b in zip(gradients(made, "train"), gradients(again, "train"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_numbered_names_avoid_those_of_the_author() -> None:
    text = """
    model f(x : scalar, xs : seq scalar) -> [1] { full([1], 0.75) }
    model g(x : scalar, xs : seq scalar) -> [1] {
        v0 = spread(full([1], 0.75), xs)
        p1 = zip(v0, v0)
        last(p1[0] - 0.5 * p1[1])
    }
    model h(x : scalar) -> scalar {
        param a = 0.5
        a * x
    }
    data d(x : scalar, xs : seq scalar) = npz("none.npz")
    train on d {
        f_out = f(x, xs)
        g_out = g(x, xs)
        minimize sum((f_out - 0.3)^2) + (h(1.0) - 1)^2 + sum((g_out - 0.3)^2)
        using sgd(lr = 0.01)
    }
    """
    made = compilation(Source("f.nn", text), Path("."), {})
    derived = compilation(Source("d.nn", print_program(made)), Path("."), {})
    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=4), "xs": [rng.normal(size=n) for n in (3, 1, 4, 2)]}
    first, second = (Session(c.program, "cpu", "float64", seed=1) for c in (made, derived))
    for _ in range(3):
        assert second.step(**given)["loss"] == pytest.approx(first.step(**given)["loss"], rel=1e-12)
