"""`jvp`, `hvp`, `jacobian` and `hessian` in a spec: against differences, against reverse mode, on
both targets.
"""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError

RNG = np.random.default_rng(0)
ATTENTION = """
layer attend(x : [m, n]) -> [m, n] {
    param W : [n, n] ~ glorot_uniform
    scores = contract(i, j : x[i, a] * W[a, b] * x[j, b])
    contract(i, b : softmax(scores)[i, j] * x[j, b])
}
"""
NETWORKS = {  # the input's type, and the network
    "dense": ("[4]", "x |> dense(5) |> tanh |> dense(3) |> softmax"),
    "kinks": ("[4]", "x |> dense(6) |> relu |> dense(3) |> abs"),
    "convolution": (
        "[6, 5, 2]",
        "x |> conv(3, 3x3, stride = 2) |> relu |> max_pool(2x2) |> flatten |> dense(3)",
    ),
    "attention": ("[3, 4]", "x |> layer_norm |> attend |> flatten |> dense(3)"),
    "order": ("[4]", "take_along(x, argsort(x)) |> cumsum |> dense(3)"),
}


def spec(type: str, network: str) -> str:
    return (
        f"{ATTENTION}model net(x : {type}) -> [3] {{ {network} }}\n"
        f"model moved(x : {type}, v : {type}) -> [3] {{ jvp(net(x), x, v) }}\n"
        f"model all(x : {type}) {{ jacobian(net(x), x) }}\n"
        f"model turned(x : {type}, v : {type}) {{ hvp(sum(net(x)^2), x, v) }}\n"
        f"model twice(x : {type}, v : {type}) {{ "
        f"grad(sum(grad(sum(net(x)^2), x) * stop_gradient(v)), x) }}\n"
    )


def opened(text: str, target: str, threads: int = 1) -> gradc.Session:
    program = gradc.compile_source(text)
    return gradc.Session(program, target=target, dtype="float64", threads=threads, seed=1)


def difference(session: gradc.Session, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    ahead, behind = (session.run("net", x=x + step * v) for step in (1e-5, -1e-5))
    return (ahead - behind) / 2e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_along_a_direction_and_all_at_once(name: str) -> None:
    type, network = NETWORKS[name]
    shape = tuple(map(int, type.strip("[]").split(",")))
    x, v = RNG.normal(size=(4, *shape)), RNG.normal(size=(4, *shape))
    reference = opened(spec(type, network), "reference")
    moved = reference.run("moved", x=x, v=v)
    np.testing.assert_allclose(moved, difference(reference, x, v), rtol=1e-5, atol=1e-7)
    whole = reference.run("all", x=x)
    assert whole.shape == (4, 3, *shape)
    np.testing.assert_allclose(
        (whole * v[:, None]).reshape(4, 3, -1).sum(-1), moved, rtol=1e-9, atol=1e-12
    )
    forward, reverse = (reference.run(model, x=x, v=v) for model in ("turned", "twice"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-11)
    for threads in (1, 2) if name == "dense" else (2,):
        native = opened(spec(type, network), "cpu", threads)
        for model in ("moved", "turned"):
            wanted, found = (s.run(model, x=x, v=v) for s in (reference, native))
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(native.run("all", x=x), whole, rtol=1e-9, atol=1e-11)


SEQUENCES = """
model net(xs : seq [3], h0 : [4]) -> (each : seq [2], end : [2]) {
    s = xs |> CELL
    out = s |> dense(2)
    (tanh(out) * time_mean(out), last(out))
}
model moved(xs : seq(n) [3], h0 : [4], vs : seq(n) [3], v : [4]) -> (each : seq [2], end : [2]) {
    jvp(net(xs, h0), (xs, h0), (vs, v))
}
model loss(xs : seq(n) [3], h0 : [4], vs : seq(n) [3]) -> seq [3] {
    y = net(xs, h0)
    hvp(time_sum(sum(y.each^2)) + sum(y.end), xs, vs)
}
"""
CELLS = {
    "elman": "scan(elman(4), start = h0)",
    "gru": "scan(gru(4), start = h0)",
    "backwards": "scan(gru(4), start = h0, backwards = true)",
    "lstm": "scan(lstm(4))",
    "both": "both(elman(4), gru(4))",
}
OFTEN, WIDE = ("elman", "backwards"), ("gru", "lstm", "both")


@pytest.mark.parametrize("cell", [*OFTEN, *(pytest.param(c, marks=pytest.mark.wide) for c in WIDE)])
def test_through_a_recurrence(cell: str) -> None:
    text = SEQUENCES.replace("CELL", CELLS[cell])
    lengths = (3, 1, 5)
    xs, vs = ([RNG.normal(size=(n, 3)) for n in lengths] for _ in range(2))
    h0, v = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
    reference = opened(text, "reference")
    found = reference.run("moved", xs=xs, h0=h0, vs=vs, v=v)
    step = 1e-5
    ahead, behind = (
        reference.run("net", xs=[x + s * u for x, u in zip(xs, vs, strict=True)], h0=h0 + s * v)
        for s in (step, -step)
    )
    end = (ahead["end"] - behind["end"]) / (2 * step)
    np.testing.assert_allclose(found["end"], end, rtol=1e-5, atol=1e-7)
    for k in range(3):
        each = (ahead["each"][k] - behind["each"][k]) / (2 * step)
        np.testing.assert_allclose(found["each"][k], each, rtol=1e-5, atol=1e-7)
    native = opened(text, "cpu", 2)
    for model, given in {"moved": {"v": v}, "loss": {}}.items():
        told = {"xs": xs, "h0": h0, "vs": vs, **given}
        compare(native.run(model, **told), reference.run(model, **told))


def compare(found, wanted) -> None:
    if isinstance(wanted, dict):
        for name in wanted:
            compare(found[name], wanted[name])
    elif isinstance(wanted, list):
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11)


def test_by_a_parameter_and_by_several_values() -> None:
    text = """
        model net(x : [3]) -> [2] { param W : [2, 3] ~ glorot_uniform; tanh(W @ x) }
        model by_w(x : [3]) -> [2] { jvp(net(x), net.W, ones([2, 3])) }
        model sums(x : [3], y : scalar) -> (a : [3], b : scalar) {
            jvp((x * y, y^2), (x, y), (ones([3]), 2))
        }
        model all(x : [3]) -> [2, 2, 3] { jacobian(net(x), net.W) }
        model curved(x : [3]) -> [3, 3] { hessian(sum(x)^2 / 2 + x[0]^3, x) }
        model pair(x : [3], y : scalar) -> ([3, 3], [3]) { jacobian(x * y, (x, y)) }
    """
    for target in ("reference", "cpu"):
        session = opened(text, target)
        x, y = RNG.normal(size=(4, 3)), RNG.normal(size=4)
        slope = 1 - session.run("net", x=x) ** 2
        np.testing.assert_allclose(session.run("by_w", x=x), slope * x.sum(1)[:, None])
        sums = session.run("sums", x=x, y=y)
        np.testing.assert_allclose(sums["a"], y[:, None] + 2 * x)
        np.testing.assert_allclose(sums["b"], 4 * y)
        wanted = np.zeros((4, 2, 2, 3))
        for k in range(2):
            wanted[:, k, k] = slope[:, k, None] * x
        np.testing.assert_allclose(session.run("all", x=x), wanted, atol=1e-15)
        curved = np.ones((4, 3, 3))
        curved[:, 0, 0] += 6 * x[:, 0]
        np.testing.assert_allclose(session.run("curved", x=x), curved)
        pair = session.run("pair", x=x, y=y)
        np.testing.assert_allclose(pair["result0"], y[:, None, None] * np.eye(3))
        np.testing.assert_allclose(pair["result1"], x)


def test_each_orders_by_labels_that_all_elements_share() -> None:
    text = """
        layer ordered(x : [n]) -> [n] { param by : [n] ~ normal(0, 1); take_along(x, argsort(by)) }
        model f(x : [3, 4]) -> [3, 4] { x |> each(ordered) }
        model g(x : [3, 4]) -> [3, 4] { grad(sum(f(x)^2) / 2, x) }
    """
    x = RNG.normal(size=(2, 3, 4))
    for target in ("reference", "cpu"):
        session = opened(text, target)
        order = np.argsort(session.parameters["f.ordered1.by"])
        np.testing.assert_allclose(session.run("f", x=x), x[:, :, order])
        np.testing.assert_allclose(session.run("g", x=x), x)


def test_the_batch_moves_with_its_examples() -> None:
    text = """
        model f(x : scalar, v : scalar) -> (mean : scalar, own : scalar) {
            jvp((batch_mean(x^2), x - batch_mean(x)), x, v)
        }
    """
    x, v = RNG.normal(size=5), RNG.normal(size=5)
    for target in ("reference", "cpu"):
        found = opened(text, target).run("f", x=x, v=v)
        np.testing.assert_allclose(found["mean"], np.full(5, (2 * x * v).mean()))
        np.testing.assert_allclose(found["own"], v - v.mean(), atol=1e-15)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("jvp(x^2, x, ones([4]))", "a direction has the type of what moves along it"),
        ("jvp(x^2, 3, 1)", "there is no derivative by the number 3"),
        ("jvp(x^2, (x, x), (x, x, x))", "there are 2 values to move, and 3 directions"),
        ("hvp(x^2, x, x)", "grad takes the derivative of a scalar"),
        ("hessian(x^2, x)", "grad takes the derivative of a scalar"),
    ],
)
def test_faults_stand_where_they_are(body: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        gradc.compile_source(f"model f(x : [3]) -> [3] {{ {body} }}")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0502" and diagnostic.message.startswith(message)
