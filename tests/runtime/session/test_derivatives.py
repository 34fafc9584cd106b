"""Derivatives asked for from Python: along directions, of second order, all at once, each
example's.
"""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_runtime.system.errors import SessionError

TEXT = """
model net(x : [3]) -> [2] { x |> dense(4) |> tanh |> dense(2) }
model energy(x : [3]) -> scalar { x |> net |> norm }
model tag(xs : seq [3]) -> seq [2] { xs |> scan(gru(3)) |> dense(2) }
model ending(xs : seq [3]) -> [2] { xs |> scan(gru(2)) |> last }
data d(x : [3], y : class(2)) = npz("none.npz")
train on d {
    minimize cross_entropy(net(x), y) + 1e-2 * l2(net)
    using sgd(lr = 0.1)
}
"""
PROGRAM = gradc.compile_source(TEXT)
RNG = np.random.default_rng(3)
X, V, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), RNG.integers(0, 2, size=5)
BATCH = {"x": X, "y": Y}
WAYS = [("reference", 1), ("cpu", 1), ("cpu", 2)]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}{way[1]}")
def session(request) -> gradc.Session:
    target, threads = request.param
    return gradc.Session(PROGRAM, target=target, dtype="float64", threads=threads, seed=2)


def test_a_model_along_inputs_and_parameters(session) -> None:
    name, step = "net.dense1.W", 1e-6
    W = session.parameters[name].copy()
    u = RNG.normal(size=W.shape)
    found, moved = session.jvp("net", {"x": V, name: u}, x=X)
    np.testing.assert_allclose(found, session.run("net", x=X), rtol=1e-12)
    sides = []
    for s in (step, -step):
        session.parameters[name] = W + s * u
        sides.append(session.run("net", x=X + s * V))
    np.testing.assert_allclose(moved, (sides[0] - sides[1]) / (2 * step), rtol=1e-5, atol=1e-7)
    session.parameters[name] = W * 0
    _, again = session.jvp("net", {"x": V, name: u}, x=X)
    assert not np.allclose(again, moved), "the parameters are those of now"


def test_the_loss_along_parameters_is_what_its_gradient_says(session) -> None:
    _, gradients = session.gradients(**BATCH)
    moves = {n: RNG.normal(size=g.shape) for n, g in gradients.items()}
    losses, moved = session.jvp(None, moves, **BATCH)
    assert losses.shape == moved.shape == (5,)
    along = sum((gradients[n] * v).sum() for n, v in moves.items())
    np.testing.assert_allclose(moved.mean(), along, rtol=1e-9)


def test_the_hessian_along_a_direction_and_whole(session) -> None:
    step, names = 1e-5, ["net.dense1.b", "net.dense2.W"]
    moves = {n: RNG.normal(size=session.parameters[n].shape) for n in names}
    found = session.hvp(None, moves, **BATCH)
    start = {n: session.parameters[n].copy() for n in names}
    whole = session.hessian(None, names, **BATCH)
    sides = []
    for s in (step, -step):
        for n in names:
            session.parameters[n] = start[n] + s * moves[n]
        sides.append(session.gradients(**BATCH)[1])
    for n in names:
        wanted = (sides[0][n] - sides[1][n]) / (2 * step)
        assert found[n].shape == start[n].shape
        np.testing.assert_allclose(found[n], wanted, rtol=1e-5, atol=1e-8)
        parts = (np.tensordot(whole[f"{n} by {m}"], v, v.ndim) for m, v in moves.items())
        np.testing.assert_allclose(sum(parts), found[n], rtol=1e-9, atol=1e-12)


def test_of_a_model_each_example_has_its_own(session) -> None:
    jacobian = session.jacobian("net", "x", x=X)
    assert jacobian.shape == (5, 2, 3)
    _, moved = session.jvp("net", {"x": V}, x=X)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", jacobian, V), moved, rtol=1e-9)
    hessian = session.hessian("energy", "x", x=X)
    assert hessian.shape == (5, 3, 3)
    np.testing.assert_allclose(hessian, hessian.transpose(0, 2, 1), rtol=1e-7, atol=1e-10)
    turned = session.hvp("energy", {"x": V}, x=X)["x"]
    np.testing.assert_allclose(np.einsum("nij,nj->ni", hessian, V), turned, rtol=1e-8, atol=1e-11)


def test_each_examples_gradient(session) -> None:
    losses, each = session.example_gradients(**BATCH)
    loss, gradients = session.gradients(**BATCH)
    np.testing.assert_allclose(losses.mean(), loss, rtol=1e-12)
    for name, g in gradients.items():
        assert each[name].shape == (5, *g.shape)
        np.testing.assert_allclose(each[name].mean(axis=0), g, rtol=1e-9, atol=1e-12)
    alone = session.example_gradients(x=X[:1], y=Y[:1])[1]
    norms = session.gradient_norms(**BATCH)
    wanted = np.sqrt(sum(float((g**2).sum()) for g in alone.values()))
    assert norms.shape == (5,)
    np.testing.assert_allclose(norms[0], wanted, rtol=1e-9)


def test_sequences_move_too(session) -> None:
    xs, vs = ([RNG.normal(size=(n, 3)) for n in (2, 4)] for _ in range(2))
    _, moved = session.jvp("tag", {"xs": vs}, xs=xs)
    step = 1e-6
    sides = [
        session.run("tag", xs=[x + s * v for x, v in zip(xs, vs, strict=True)])
        for s in (step, -step)
    ]
    for found, ahead, behind in zip(moved, *sides, strict=True):
        np.testing.assert_allclose(found, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)


def test_all_derivatives_of_sequences(session) -> None:
    """Of each tensor by a sequence, and of a sequence by a parameter, one for each element."""
    xs, vs = ([RNG.normal(size=(n, 3)) for n in (2, 4)] for _ in range(2))
    whole = session.jacobian("ending", "xs", xs=xs)
    _, moved = session.jvp("ending", {"xs": vs}, xs=xs)
    for each, v, found in zip(whole, vs, moved, strict=True):
        assert each.shape == (len(v), 2, 3)
        np.testing.assert_allclose(np.einsum("tij,tj->i", each, v), found, rtol=1e-9)
    name = next(n for n in session.parameters if n.startswith("tag.") and n.endswith(".b"))
    direction = RNG.normal(size=session.parameters[name].shape)
    whole = session.jacobian("tag", name, xs=xs)
    _, moved = session.jvp("tag", {name: direction}, xs=xs)
    for each, found in zip(whole, moved, strict=True):
        np.testing.assert_allclose(each @ direction, found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.jvp("nett", {"x": V}, x=X), "no model is called nett; did you mean net?"),
        (lambda s: s.jvp("net", {"z": V}, x=X), "nothing that moves is called z"),
        (lambda s: s.jvp("net", {}, x=X), "name at least one"),
        (lambda s: s.jvp("net", {"x": V[:, :2]}, x=X), "tangent/x"),
        (lambda s: s.jvp("net", {"net.dense1.W": X}, x=X), r"its direction \[5, 3\]"),
        (lambda s: s.hvp("net", {"x": V}, x=X), "second derivatives are those of one scalar"),
        (
            lambda s: s.jacobian("tag", "xs", xs=[X]),
            "each element of .* by each of xs is no sequence",
        ),
        (lambda s: s.jacobian("net", "x"), "x : .* is missing"),
        (lambda s: s.example_gradients("no", **BATCH), "no step is called no"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(call, message: str) -> None:
    session = gradc.Session(PROGRAM, target="reference")
    with pytest.raises(SessionError, match=message):
        call(session)
