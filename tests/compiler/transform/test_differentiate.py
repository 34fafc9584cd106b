"""The walk backwards: text before and after, the ledger, what has no derivative."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError, Source, Span
from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import ArgMax, BatchMean
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.transform.differentiate import differentiate
from tests.compiler.ops.test_elementwise import apply
from tests.support.graphs import Operand


def gradient_of(text: str, loss: int, wrt: list[int], *, mean: bool = True) -> str:
    """The optimised text of a graph with its derivatives `d0`, `d1`, ... as outputs."""
    builder = Builder(list(parse_graph(text).nodes))
    slopes = differentiate(builder, builder.value(loss), [builder.value(i) for i in wrt], mean=mean)
    outputs = {f"d{i}": g.id for i, g in zip(wrt, slopes, strict=True)}
    return print_graph(optimise(builder.graph(outputs)))


def printed(text: str) -> str:
    return print_graph(parse_graph(text))


def test_the_house_of_the_example() -> None:
    """c1 = price, prediction = c1 + b, c2 = prediction - paid, loss = c2 ^ 2."""
    house = (
        "%0 = input{key='sqft'}; %1 = input{key='paid'}; %2 = persistent{key='price'};"
        "%3 = persistent{key='base'}; %4 = mul %2 %0; %5 = add %4 %3; %6 = sub %5 %1;"
        "%7 = mul %6 %6;"
    )
    builder = Builder(list(parse_graph(house).nodes))
    wrt = [builder.value(3), builder.value(2)]
    slopes = differentiate(builder, builder.value(7), wrt, mean=True)
    graph = builder.graph({"loss": 7, "base": slopes[0].id, "price": slopes[1].id})
    values = {"sqft": [2500.0], "paid": [360000.0], "price": 123.0, "base": 10000.0}
    found = evaluate(graph, {k: np.array(v) for k, v in values.items()})
    assert found["loss"] == 1.80625e9
    assert found["base"] == -85000
    assert found["price"] == -2.125e8


def test_a_product_gives_the_other_factor() -> None:
    assert gradient_of("%0 = input{key='a'}; %1 = input{key='b'}; %2 = mul %0 %1;", 2, [0, 1]) == (
        printed("%0 = input{key='a'}; %1 = input{key='b'}; return d0=%1 d1=%0")
    )


def test_a_value_read_twice_gets_both_cotangents() -> None:
    assert gradient_of("%0 = input{key='x'}; %1 = mul %0 %0;", 1, [0]) == printed(
        "%0 = input{key='x'}; %1 = add %0 %0; return d0=%1"
    )


def test_what_the_loss_does_not_depend_on_gets_zeros() -> None:
    text = "%0 = input{key='x'}; %1 = persistent{key='p', shape=(3,)}; %2 = exp %0;"
    assert gradient_of(text, 2, [1]) == printed(
        "%0 = constant{value=0.0, shape=(3,)}; return d1=%0"
    )


def test_a_parameter_read_by_every_example_gets_the_mean() -> None:
    text = "%0 = input{key='x'}; %1 = persistent{key='p'}; %2 = mul %0 %1;"
    assert gradient_of(text, 2, [1]) == printed(
        "%0 = input{key='x'}; %1 = batch_mean %0; return d1=%1"
    )
    assert gradient_of(text, 2, [1], mean=False) == printed("%0 = input{key='x'}; return d1=%0")


def test_the_loss_by_itself_is_one() -> None:
    assert gradient_of("%0 = input{key='x'};", 0, [0]) == printed(
        "%0 = constant{value=1.0}; return d0=%0"
    )


def test_gradient_of_a_weight_is_one_contraction() -> None:
    """The outer product of cotangent and input is averaged over the examples as it is summed."""
    builder = Builder()
    x, w = builder.add(Input("x", (3,))), builder.add(PersistentOp("W", (2, 3)))
    row, column = parse_maps()
    y = builder.add(Contract((2, 3), ((row, column), (column,)), (row,), (2,)), w, x)
    loss = builder.add(Contract((2,), ((row,), (row,)), (), ()), y, y)
    (slope,) = differentiate(builder, loss, [w], mean=True)
    graph = optimise(builder.graph({"g": slope.id}))
    last = graph[graph.outputs["g"]].op
    assert isinstance(last, Contract) and last.mean and last.shape == (2, 3)
    assert not any(isinstance(n.op, BatchMean) for n in graph.nodes)


def parse_maps():
    op = parse_graph(
        "%0 = input{key='x', shape=(2, 3)};"
        "%1 = contract{extents=(2, 3), operands=(((((0, 1),), 0), (((1, 1),), 0)),),"
        " result=(), shape=()} %0"
    )[1].op
    return op.operands[0]


def test_every_node_of_a_derivative_says_where_it_came_from() -> None:
    builder = Builder()
    span = Span(source=Source("f.nn", "y = tanh(x)"), start=4, end=11)
    x = builder.add(Input("x"))
    builder.span = span
    y = x.apply("tanh", x)
    builder.span = None
    before = len(builder.nodes)
    differentiate(builder, y, [x], mean=False)
    made = builder.nodes[before + 1 :]  # the first is the seed, 1
    assert made and all(n.span is span for n in made)
    assert {n.origin.rule for n in made} == {"vjp of tanh"}
    assert builder.span is None and builder.origin is None


def test_nothing_is_made_for_what_nobody_asked() -> None:
    builder = Builder()
    x, y = builder.add(Input("x")), builder.add(Input("y"))
    z = x.apply("exp", x) * y
    before = len(builder.nodes)
    differentiate(builder, z, [y], mean=False)
    assert [n.op.name for n in builder.nodes[before:]] == ["constant", "mul", "mul"]


def test_operators_that_let_no_derivative_through(check_gradient) -> None:
    """By definition, and listed here: a new one must be added on purpose."""
    blocked = {
        "argmax",
        "eq",
        "floor",
        "ge",
        "gt",
        "le",
        "lt",
        "ne",
        "quotient",
        "random",
        "sign",
        "stop_gradient",
    }
    silent = set()
    for name, op in OPS.items():
        if op.vjp is Op.vjp:
            continue
        builder = Builder()
        xs = [builder.add(PersistentOp(f"x{k}", (3,))) for k in range(3)]
        if name == "random":
            seeds = [builder.add(PersistentOp(k, (), index=True)) for k in ("seed", "step")]
            gs = op(node=1, shape=(3,)).vjp(xs[0], xs[0], *seeds)
        elif name == "argmax":
            gs = ArgMax().vjp(xs[0], xs[0], xs[0])
        elif hasattr(op, "domains"):
            operands = xs[: len(op.domains)]
            gs = op().vjp(xs[0], builder.add(op(), *operands), *operands)
        else:
            continue
        if all(g is None for g in gs):
            silent.add(name)
    assert silent == blocked


def test_stop_gradient_stops(check_gradient) -> None:
    def function(x: Value, p: Value) -> Value:
        return x * p.apply("stop_gradient", p * p)

    builder = Builder()
    x, p = builder.add(Input("x")), builder.add(PersistentOp("p"))
    slopes = differentiate(builder, function(x, p), [x, p], mean=True)
    graph = builder.graph({"x": slopes[0].id, "p": slopes[1].id})
    found = evaluate(graph, {"x": np.array([3.0]), "p": np.array(2.0)})
    assert float(found["x"]) == 4 and float(found["p"]) == 0


def test_a_missing_rule_is_an_error_at_the_authors_line() -> None:
    class Opaque(Op):
        name = "opaque"

        def infer(self, x):
            return x

    builder = Builder()
    x = builder.add(Input("x"))
    builder.span = Span(source=Source("f.nn", "y = opaque(x)"), start=4, end=13)
    y = builder.add(Opaque(), x)
    with pytest.raises(CompileError) as caught:
        differentiate(builder, y, [x], mean=False)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0501"
    assert diagnostic.message == "`opaque` has no derivative rule"
    assert diagnostic.primary.span is builder.span or diagnostic.primary.span == y.node.span


def test_a_chain_of_everything_three_times(check_gradient) -> None:
    def function(x: Value, p: Value) -> Value:
        mean = x.builder.add(BatchMean(), x * p)
        centred = x.apply("tanh", x * p - mean)
        return centred * centred / (1.0 + p * p) + x.apply("exp", mean * 0.3)

    check_gradient(function, [Operand((2,)), Operand((2,), uniform=True)], orders=3)
    check_gradient(apply("mul"), [Operand((2, 1)), Operand((3,), uniform=True)], orders=3)
