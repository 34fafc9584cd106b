"""The text form prints and parses, for every operator and any number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.ops.leaf import Constant, Input, Literal
from tests.compiler.ops.test_elementwise import SHAPES, TABLE, arity, operands_of
from tests.compiler.ops.test_elementwise import apply as elementwise
from tests.compiler.ops.test_others import CASES
from tests.compiler.ops.test_others import apply as other
from tests.support.contractions import random_case
from tests.support.graphs import Operand, derivative_graph


def assert_round_trip(graph) -> None:
    text = print_graph(graph)
    again = parse_graph(text)
    assert print_graph(again) == text
    assert [(n.op, n.inputs, n.type) for n in again.nodes] == [
        (n.op, n.inputs, n.type) for n in graph.nodes
    ]
    assert again.outputs == graph.outputs


@pytest.mark.parametrize("name", sorted(TABLE))
def test_elementwise_graphs(name: str) -> None:
    assert_round_trip(
        derivative_graph(elementwise(name), operands_of(name, SHAPES[arity(name)][1]))
    )


@pytest.mark.parametrize("name", CASES)
def test_graphs_of_the_other_operators(name: str) -> None:
    op, operands, _ = CASES[name]
    assert_round_trip(derivative_graph(other(op), operands, order=2))


@pytest.mark.parametrize("seed", range(20))
def test_contractions(seed: int) -> None:
    case = random_case(np.random.default_rng(seed), 1 + seed % 2)
    operands = [Operand(shape) for shape in case.shapes]
    assert_round_trip(derivative_graph(other(case.op), operands))


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-300, -1.5e300, 0.1, math.pi, math.inf, -math.inf])
def test_numbers_are_read_back_to_the_bit(value: float) -> None:
    builder = Builder()
    builder.constant(value, (2,))
    builder.add(Literal((value, 1.0), (2,)))
    graph = parse_graph(print_graph(builder.graph({"a": 1})))
    assert math.copysign(1, graph[0].op.value) == math.copysign(1, value)
    assert graph[0].op == Constant(value, (2,)) and graph[1].op.values == (value, 1.0)


def test_not_a_number_is_read_back() -> None:
    builder = Builder()
    builder.constant(math.nan)
    assert math.isnan(parse_graph(print_graph(builder.graph({})))[0].op.value)


@pytest.mark.parametrize(
    "key", ["x", "digit.conv1.W", "m/digit.W", "a b", "it's", "%3", "a}b", "#"]
)
def test_names_are_read_back(key: str) -> None:
    builder = Builder()
    builder.add(Input(key, (2,)))
    assert parse_graph(print_graph(builder.graph({"a": 0})))[0].op == Input(key, (2,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%0 = input{key='x'}\n%1 = exp(%0)", "line 2: not a node: '%1 = exp(%0)'"),
        ("%0 = frobnicate %1", "line 1: not a node"),
        ("hello", "line 1: not a node: 'hello'"),
    ],
)
def test_a_line_that_is_no_node_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        parse_graph(text)


def test_attributes_are_literals_and_nothing_is_run() -> None:
    with pytest.raises(ValueError):
        parse_graph("%0 = constant{value=__import__('os').getpid()}")


def test_the_ledger_is_a_comment() -> None:
    graph = derivative_graph(elementwise("tanh"), [Operand((3,))])
    text = print_graph(graph, ledger=True)
    assert "# vjp of tanh at %" in text
    assert print_graph(parse_graph(text)) == print_graph(graph)
