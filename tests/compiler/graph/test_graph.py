"""Graphs and builders: who reads whom, what varies, copies that keep their story."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.op_registry import OPS, register
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean

SQUARE = parse_graph(
    "%0 = input{key='x'}; %1 = persistent{key='p'}; %2 = mul %0 %0; %3 = batch_mean %2;"
    "%4 = mul %3 %1; %5 = add %4 %0; return a=%4 b=%5"
)


def test_users_count_every_reading() -> None:
    assert SQUARE.users[0] == [2, 2, 5]
    assert SQUARE.users[5] == []


def test_a_mean_over_the_examples_is_uniform_again() -> None:
    assert SQUARE.varying == {0, 2, 5}
    builder, mapping = rebuild(SQUARE)
    assert [i for i in mapping if builder.is_varying(builder.value(mapping[i]))] == [0, 2, 5]


def test_reachable_is_what_the_roots_are_computed_from() -> None:
    assert SQUARE.reachable([3]) == {0, 2, 3}
    assert SQUARE.reachable([1]) == {1}


def test_rebuild_keeps_the_story_of_a_node() -> None:
    builder = Builder(origin=Origin("vjp of exp", 3, 4))
    x = builder.add(Input("x"), name="image")
    builder.add(BatchMean(), x)
    copy, mapping = rebuild(builder.graph({}), keep=[0])
    assert copy.nodes == builder.nodes[:1] and mapping == {0: 0}
    assert copy.nodes[0].origin == Origin("vjp of exp", 3, 4)
    assert copy.nodes[0].name == "image"


def test_arithmetic_appends_nodes() -> None:
    builder = Builder()
    x = builder.add(PersistentOp("x"))
    made = {
        "+": x + 2,
        "r+": 2 + x,
        "-": x - 2,
        "r-": 2 - x,
        "*": x * 2,
        "r*": 2 * x,
        "/": x / 2,
        "r/": 2 / x,
        "neg": -x,
        ">": x > 2,
        "<": x < 2,
        ">=": x >= 2,
        "<=": x <= 2,
    }
    found = evaluate(builder.graph({k: v.id for k, v in made.items()}), {"x": 5.0})
    assert {k: float(v) for k, v in found.items()} == {
        "+": 7,
        "r+": 7,
        "-": 3,
        "r-": -3,
        "*": 10,
        "r*": 10,
        "/": 2.5,
        "r/": 0.4,
        "neg": -5,
        ">": 1,
        "<": 0,
        ">=": 1,
        "<=": 0,
    }


def test_a_missing_input_is_named() -> None:
    with pytest.raises(KeyError, match="x"):
        evaluate(SQUARE, {"p": 1.0})


def test_an_operator_is_registered_once() -> None:
    with pytest.raises(AssertionError, match="operator exp is registered twice"):
        register(type("Again", (Op,), {"name": "exp"}))
    assert all(name == op.name for name, op in OPS.items())


def test_nodes_get_the_span_of_their_builder() -> None:
    span = Span.__new__(Span)
    assert Builder(span=span).constant(1.0).node.span is span
