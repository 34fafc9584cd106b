"""Operators of time: plain computations, transposes, recurrences against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.op import Op, TypeFault
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import (
    AtLast,
    Last,
    Length,
    Previous,
    Reverse,
    TimeBroadcast,
    TimePosition,
    TimeSum,
)
from gradc_compiler.rewrites.table import ALGEBRA, optimise
from gradc_compiler.transform.differentiate import differentiate

LENGTHS = np.array([5, 0, 1, 3, 7])


def ragged(rng: np.random.Generator, *shape: int) -> Ragged:
    return Ragged(rng.normal(size=(LENGTHS.sum(), *shape)), LENGTHS)


def run(graph: Graph, **values: Any) -> dict[str, Any]:
    return evaluate(graph, {"length/t": LENGTHS, **values}, len(LENGTHS))


PLAIN: dict[str, tuple[Op, bool, Callable[[Any, int], Any]]] = {
    "spread": (TimeBroadcast("t"), False, lambda x, n: np.repeat(x[None], n, 0)),
    "total": (TimeSum(), True, lambda x, n: x.sum(0)),
    "last": (Last(), True, lambda x, n: x[-1] if n else 0 * x.sum(0)),
    "first": (Last(first=True), True, lambda x, n: x[0] if n else 0 * x.sum(0)),
    "at the end": (AtLast("t"), False, lambda x, n: np.eye(n)[:, n - 1 :, None] @ x[None, None]),
    "at the start": (
        AtLast("t", first=True),
        False,
        lambda x, n: np.array([x if t == 0 else 0 * x for t in range(n)]).reshape(n, 2),
    ),
    "reverse": (Reverse(), True, lambda x, n: x[::-1]),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_computation_and_transpose(name: str) -> None:
    """y = A x as written plainly, and <g, A x> = <A' g, x> for the derivative A'."""
    op, takes_sequence, plain = PLAIN[name]
    rng, builder = np.random.default_rng(1), Builder()
    x = builder.add(Input("x", (2,), None, "t" if takes_sequence else None))
    y = builder.add(op, x)
    g = builder.add(Input("g", (2,), None, y.type.time))
    (slope,) = y.node.op.vjp(g, y, x)
    assert slope is not None
    given = ragged(rng, 2) if takes_sequence else rng.normal(size=(len(LENGTHS), 2))
    back = ragged(rng, 2) if y.type.time else rng.normal(size=(len(LENGTHS), 2))
    found = run(builder.graph({"y": y.id, "d": slope.id}), x=given, g=back)
    for k, n in enumerate(LENGTHS):
        expected = np.reshape(plain(given[k], int(n)), found["y"][k].shape)
        np.testing.assert_allclose(found["y"][k], expected)
        np.testing.assert_allclose(
            np.sum(back[k] * found["y"][k]), np.sum(found["d"][k] * given[k]), atol=1e-12
        )


def test_length_and_position() -> None:
    builder = Builder()
    graph = builder.graph(
        {"n": builder.add(Length("t")).id, "p": builder.add(TimePosition("t")).id}
    )
    found = run(graph)
    np.testing.assert_array_equal(found["n"], LENGTHS)
    assert [list(p) for p in found["p"]] == [list(range(n)) for n in LENGTHS]


def matvec(matrix: Value, vector: Value) -> Value:
    rows, columns = matrix.shape
    maps = ((index(0), index(1)), (index(1),))
    op = Contract((rows, columns), maps, (index(0),), (rows,))
    return matrix.builder.add(op, matrix, vector)


def elman(backwards: bool = False, several: int = 1) -> tuple[Builder, Value, dict[str, Value]]:
    """sum of h[end]^2 for h[t] = tanh(W h[t - 1] + U x[t] + v), v another input of the example."""
    b = Builder()
    x, v = b.add(Input("x", (3,), None, "t")), b.add(Input("v", (4,)))
    names = {"W": (4, 4), "U": (4, 3), "start": (4,)}
    p = {name: b.add(PersistentOp(name, shape)) for name, shape in names.items()}
    total = None
    for _ in range(several):
        loop = b.new_loop()
        before = b.add(Previous(loop, "t", backwards), p["start"])
        inner = matvec(p["W"], before) + matvec(p["U"], x) + v
        h = inner.apply("tanh", inner)
        b.carries[loop] = h.id
        end = b.add(Last(first=backwards), h)
        square = b.add(Contract((4,), ((index(0),), (index(0),)), (), ()), end, end)
        total = square if total is None else total + square
    assert total is not None
    return b, total, {**p, "v": v}


def values(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "W": 0.5 * rng.normal(size=(4, 4)),
        "U": rng.normal(size=(4, 3)),
        "start": rng.normal(size=4),
        "v": rng.normal(size=(len(LENGTHS), 4)),
        "x": ragged(rng, 3),
    }


def slopes(graph: Graph, name: str, given: dict[str, Any], output: str = "loss") -> Any:
    """Central differences of a uniform output by every element of one value."""
    result = np.zeros(given[name].shape)
    for place in np.ndindex(result.shape):
        for sign in (1, -1):
            moved = given[name].copy()
            moved[place] += sign * 1e-6
            result[place] += sign * run(graph, **{**given, name: moved})[output] / 2e-6
    return result


@pytest.mark.parametrize("backwards", [False, True])
def test_backpropagation_through_time(backwards: bool) -> None:
    b, loss, p = elman(backwards)
    found = differentiate(b, loss, [p[n] for n in ("W", "U", "start")], mean=True)
    outputs = {n: g.id for n, g in zip(("W", "U", "start"), found, strict=True)}
    graph = verify(b.graph({"loss": b.add(BatchMean(), loss).id, **outputs}))
    given = values(np.random.default_rng(2))
    exact = run(graph, **given)
    for name in outputs:
        np.testing.assert_allclose(exact[name], slopes(graph, name, given), atol=1e-8)
    for without in ("", *ALGEBRA):
        other = run(optimise(graph, {without}), **given)
        for name in exact:
            np.testing.assert_allclose(other[name], exact[name], atol=1e-12)


def test_second_derivatives_through_time() -> None:
    """The derivative by W of the squared derivative by v, which is a recurrence itself."""
    b, loss, p = elman()
    (by_v,) = differentiate(b, loss, [p["v"]], mean=False)
    penalty = b.add(Contract((4,), ((index(0),), (index(0),)), (), ()), by_v, by_v)
    (by_w,) = differentiate(b, penalty, [p["W"]], mean=True)
    graph = verify(b.graph({"loss": b.add(BatchMean(), penalty).id, "W": by_w.id}))
    given = values(np.random.default_rng(3))
    exact = run(optimise(graph), **given)["W"]
    np.testing.assert_allclose(exact, slopes(graph, "W", given), atol=1e-6)


def test_equal_recurrences_are_one() -> None:
    b, loss, _ = elman(several=3)
    graph = optimise(b.graph({"loss": loss.id}))
    assert sum(isinstance(node.op, Previous) for node in graph.nodes) == 1
    assert list(graph.carries) == [0]


def test_a_recurrence_nobody_reads_is_dropped() -> None:
    b, _, p = elman()
    graph = optimise(b.graph({"v": p["v"].id}))
    assert [node.op.name for node in graph.nodes] == ["input"]
    assert not graph.carries


def test_the_text_of_a_recurrence_is_read_back() -> None:
    b, loss, _ = elman()
    text = print_graph(b.graph({"loss": loss.id}))
    assert print_graph(parse_graph(text)) == text


@pytest.mark.parametrize("op", [TimeSum(), Last(), Reverse()])
def test_only_sequences_have_time(op: Op) -> None:
    builder = Builder()
    with pytest.raises(TypeFault):
        builder.add(op, builder.add(Input("x", (2,))))


def test_times_of_different_names_do_not_meet() -> None:
    builder = Builder()
    x, y = (builder.add(Input(n, (2,), None, n)) for n in "xy")
    with pytest.raises(TypeFault, match="may differ in length"):
        x + y
    with pytest.raises(TypeFault, match="no place for seq"):
        builder.add(BatchMean(), x)


def test_ragged_arrays() -> None:
    sequences = [np.arange(2.0 * n).reshape(n, 2) for n in LENGTHS]
    whole = Ragged.of(sequences, (2,))
    again = Ragged.of_padded(whole.padded(fill=np.nan), LENGTHS)
    for k, one in enumerate(sequences):
        np.testing.assert_array_equal(whole[k], one)
        np.testing.assert_array_equal(again[k], one)
    picked = whole.take([4, 1, 2])
    assert [len(s) for s in picked] == [7, 0, 1]
    np.testing.assert_array_equal(picked[0], sequences[4])
    assert len(Ragged.of([], (2,))) == 0
