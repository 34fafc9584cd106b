"""Every row of the table of elementwise operators: value, derivatives, native code."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.transform.differentiate import differentiate
from tests.support.graphs import Operand, derivative_graph, values_of

TABLE = {name: op for name, op in OPS.items() if issubclass(op, Elementwise)}
SHAPES = {
    1: [((),), ((3,),), ((2, 3),)],
    2: [
        ((), ()),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (1, 3)),
        ((), (2, 3)),
        ((2, 3), ()),
        ((1,), (3,)),
    ],
    3: [((3,), (3,), (3,)), ((), (2, 3), (3,)), ((2, 1), (), (1, 3)), ((2, 3), (), ())],
}
SCALAR = {  # a second opinion on the rows that Python's own mathematics knows
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "pow": math.pow,
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "erf": math.erf,
    "sin": math.sin,
    "cos": math.cos,
    "abs": abs,
    "sign": lambda x: float((x > 0) - (x < 0)),
    "floor": math.floor,
    "maximum": max,
    "minimum": min,
    "gt": lambda a, b: float(a > b),
    "ge": lambda a, b: float(a >= b),
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "eq": lambda a, b: float(a == b),
    "ne": lambda a, b: float(a != b),
    "where": lambda c, a, b: a if c else b,
    "copy": lambda x: x,
    "stop_gradient": lambda x: x,
}
# 0 wherever there is a derivative
FLAT = {"sign", "floor", "quotient", "gt", "ge", "lt", "le", "eq", "ne"}
SMOOTH = sorted(name for name, op in TABLE.items() if op.smooth)
BY_REQUEST = {"stop_gradient", "bfloat16", "tfloat32"}  # slopes
CHECKED = sorted(set(TABLE) - BY_REQUEST)


def arity(name: str) -> int:
    return len(TABLE[name].domains)


def apply(name: str):
    return lambda *xs: xs[0].builder.add(TABLE[name](), *xs)


def operands_of(name, shapes, uniform=()) -> list[Operand]:
    """An operand for each domain; `uniform` numbers those that all examples share."""
    return [
        Operand(shape, k in uniform, domain.low, domain.high, domain.away)
        for k, (shape, domain) in enumerate(zip(shapes, TABLE[name].domains, strict=True))
    ]


def naive(name: str, arrays: list[np.ndarray]) -> np.ndarray:
    """The scalar function on one example at a time."""
    batch = max(len(a) for a in arrays)
    rows = [np.broadcast_arrays(*(a[i] for a in arrays)) for i in range(batch)]
    return np.array([np.vectorize(SCALAR[name], otypes=[float])(*row) for row in rows])


@pytest.mark.parametrize("name", sorted(SCALAR))
def test_reference_agrees_with_the_scalar_function(name: str) -> None:
    for shapes in SHAPES[arity(name)]:
        operands = operands_of(name, shapes)
        values = values_of(operands, 4)
        graph = derivative_graph(apply(name), operands)
        found = evaluate(graph, values, 4)["y"]
        np.testing.assert_allclose(found, naive(name, list(values.values())), rtol=1e-14)


@pytest.mark.parametrize("name", CHECKED)
def test_derivative_agrees_with_finite_differences(name: str, check_gradient) -> None:
    for shapes in SHAPES[arity(name)]:
        check_gradient(apply(name), operands_of(name, shapes))


@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize("mean", [True, False])
def test_derivative_of_operands_that_examples_share(name: str, mean: bool, check_gradient) -> None:
    n = arity(name)
    for shared in product((False, True), repeat=n):
        uniform = [k for k in range(n) if shared[k]]
        check_gradient(apply(name), operands_of(name, SHAPES[n][1], uniform), mean=mean)


@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivative_agrees_with_finite_differences(name: str, check_gradient) -> None:
    shapes = SHAPES[arity(name)][1]
    check_gradient(apply(name), operands_of(name, shapes), orders=2)
    check_gradient(apply(name), operands_of(name, shapes, uniform=[0]), orders=2)


@pytest.mark.parametrize(
    "name", ["div", "pow", "tanh", "sigmoid", "erf", "log1p", "sqrt", "mul", "lgamma", "digamma"]
)
def test_third_derivative_agrees_with_finite_differences(name: str, check_gradient) -> None:
    check_gradient(apply(name), operands_of(name, SHAPES[arity(name)][1]), orders=3)


def test_operators_without_a_derivative_say_so() -> None:
    silent = {name for name in TABLE if all(g is None for g in rule_of(name))}
    assert silent == FLAT | {"stop_gradient"}
    assert all(TABLE[name].kink for name in silent)


def rule_of(name: str):
    graph_operands = operands_of(name, SHAPES[arity(name)][1])
    from_rule: list[object] = []

    def probe(*xs):
        y = apply(name)(*xs)
        from_rule.extend(y.node.op.vjp(y, y, *xs))
        return y

    derivative_graph(probe, graph_operands)
    return from_rule


@pytest.mark.parametrize("name", sorted(n for n, op in TABLE.items() if op.kink))
def test_every_kink_has_a_convention_in_words(name: str) -> None:
    assert not TABLE[name].smooth and len(TABLE[name].kink) > 5


@pytest.mark.parametrize(
    ("name", "at", "slopes"),
    [("abs", [0], [0]), ("maximum", [0, 0], [0, 1]), ("minimum", [0, 0], [0, 1])],
)
def test_derivative_at_a_kink_is_the_declared_one(
    name: str, at: list[float], slopes: list[float]
) -> None:
    builder = Builder()
    xs = [builder.constant(x) for x in at]
    gs = differentiate(builder, apply(name)(*xs), xs, mean=False)
    graph = builder.graph({str(k): g.id for k, g in enumerate(gs)})
    assert [float(g) for g in evaluate(graph, {}).values()] == slopes


@pytest.mark.parametrize("name", sorted(TABLE))
def test_native_code_agrees_with_the_reference(name: str, check_compiled) -> None:
    n = arity(name)
    operands = operands_of(name, SHAPES[n][2 if n > 1 else 1])
    graph = derivative_graph(apply(name), operands)
    check_compiled(graph, values=values_of(operands, 5))


@pytest.mark.parametrize("first", range(0, len(TABLE), 10))
def test_native_code_in_single_precision(first: int, check_compiled) -> None:
    """Ten operators and their derivatives in one graph, which makes a few kernels."""
    builder, outputs, values = Builder(), {}, {}
    for name in sorted(TABLE)[first : first + 10]:
        operands = operands_of(name, [(3,)] * arity(name))
        xs = [builder.add(x.leaf(f"{name}{k}")) for k, x in enumerate(operands)]
        values |= {f"{name}{k[1:]}": x for k, x in values_of(operands, 5).items()}
        y = apply(name)(*xs)
        outputs |= {name: y.id, f"{name}'": differentiate(builder, y, xs[-1:], mean=False)[0].id}
    check_compiled(builder.graph(outputs), values=values, dtype="float32")
