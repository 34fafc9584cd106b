"""Rows of a tensor as a sequence, and back: copies, whose room grows with the length."""

from __future__ import annotations

import os

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.sequence import FromRows
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_runtime.session.session import Session

SPEC = """
layer mixed()(x : [t, d]) -> [t, d] {{
    param W : [t, t] ~ glorot_uniform
    W @ x
}}
model net(xs : seq({0}) [3]) -> seq({0}) [3] {{
    from_rows(xs |> dense(3)) |> mixed |> rows |> dense(3)
}}
data pairs(xs : seq({0}) [3], ys : seq({0}) [3]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(xs), ys) using sgd(lr = 0.1), batch 4, epochs 1 }}
"""


def step(length: int, without: tuple[str, ...] = ()) -> Entry:
    return compile_source(SPEC.format(length), without=without).entries["step/train"]


WORDS = """
model net(words : seq({0}) class(11)) -> seq({0}) [3] {{
    from_rows(words |> embedding(11, 3)) |> {1} |> rows |> dense(3)
}}
data pairs(words : seq({0}) class(11), ys : seq({0}) [3]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(words), ys)
    using sgd(lr = 0.1), batch 4, epochs 1 }}
"""
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def words(entry: Entry, length: int) -> int:
    """Of BLOCK, for one example."""
    return entry.block_words + length * sum(entry.kept_words)


def test_room_grows_with_the_length() -> None:
    short, long = words(step(32), 32), words(step(128), 128)
    assert long < 4.5 * short
    assert words(step(128, without=("copy-rows",)), 128) > 10 * long


def test_each_conversion_is_one_copy() -> None:
    notes = [i.note for phase in step(32).phases for i in phase.instructions]
    assert sum(" from_rows" in note for note in notes) == 2  # forwards, and of the derivative
    assert not any(" scatter" in note for note in notes)


def assert_rows(target: str) -> None:
    """The loss and its gradients on a target are those of the reference."""
    rng, program = np.random.default_rng(2), compile_source(SPEC.format(6))
    xs, ys = rng.normal(size=(2, 3, 6, 3))
    found, wanted = (
        Session(program, name, "float64", seed=4).gradients(xs=list(xs), ys=list(ys))
        for name in (target, "reference")
    )
    assert found[0] == pytest.approx(wanted[0], rel=1e-10)
    for name, gradient in wanted[1].items():
        np.testing.assert_allclose(found[1][name], gradient, rtol=1e-9, atol=1e-11)


def test_on_the_cpu() -> None:
    assert_rows("cpu")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("length", "layer"), [(1, "tanh"), (6, "layer_norm"), (301, "tanh")])
def test_an_embedding_adds_up_its_rows(length: int, layer: str, dtype: str) -> None:
    """Its gradient is that of the reference on every target, also where most sums are long."""
    text, rng = WORDS.format(length, layer), np.random.default_rng(2)
    given = {
        "words": list(rng.integers(0, 4, (5, length))),
        "ys": list(rng.normal(size=(5, length, 3))),
    }
    target = "cuda" if SIMULATED else "cpu"
    whole = compile_source(text, without=("copy-rows",))
    wanted = Session(whole, "reference", "float64", seed=4).gradients(**given)
    for program, name in ((compile_source(text), target), (compile_source(text), "reference")):
        found = Session(program, name, dtype, seed=4).gradients(**given)
        assert found[0] == pytest.approx(wanted[0], rel=1e-5)
        for key, gradient in wanted[1].items():
            close = 1e-10 if dtype == "float64" else 1e-5
            np.testing.assert_allclose(found[1][key], gradient, close, close, err_msg=key)


def test_an_embedding_has_one_matrix_an_example() -> None:
    """Not one an element; and threads find the same bits."""
    entry = compile_source(WORDS.format(40, "tanh")).entries["step/train"]
    assert sum(entry.kept_words) < 33 + 11
    before = compile_source(WORDS.format(40, "tanh"), without=("copy-rows",))
    assert sum(before.entries["step/train"].kept_words) > 33
    rng, found = np.random.default_rng(2), []
    given = {"words": list(rng.integers(0, 11, (9, 40))), "ys": list(rng.normal(size=(9, 40, 3)))}
    for threads in (1, 2, 3, 7):
        session = Session(compile_source(WORDS.format(40, "tanh")), threads=threads, seed=1)
        session.step(**given)
        found.append(session.memory.words.view("uint32").copy())
    assert all(np.array_equal(found[0], other) for other in found[1:])


def conversion() -> Graph:
    builder = Builder()
    x = builder.add(Input("x", (2,), None, 5))
    y = builder.add(FromRows(), x)
    (slope,) = y.node.op.vjp(builder.add(Input("g", (5, 2))), y, x)
    assert slope is not None
    return builder.graph({"y": y.id, "d": slope.id})


def test_the_operator_and_its_transpose() -> None:
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 3, 5, 2))
    lengths = np.full(3, 5)
    found = evaluate(conversion(), {"x": Ragged(x.reshape(15, 2), lengths), "g": g}, 3)
    np.testing.assert_array_equal(found["y"], x)
    np.testing.assert_array_equal(found["d"].values.reshape(3, 5, 2), g)


def test_only_of_a_fixed_length() -> None:
    builder = Builder()
    with pytest.raises(TypeFault, match="fixed length"):
        builder.add(FromRows(), builder.add(Input("x", (2,), None, "t")))
