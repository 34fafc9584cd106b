"""The operators that are neither elementwise nor a contraction, against plain computations."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import Op, TypeFault
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.leaf import Constant, Iota, Literal
from gradc_compiler.ops.reduce import ArgMax, BatchMean, Max
from gradc_compiler.ops.shape import Concat, Reshape
from tests.compiler.ops.test_elementwise import TABLE
from tests.support.graphs import Array, Operand, derivative_graph, values_of

BATCH = 4
MATRIX, VECTOR = Operand((3, 4)), Operand((4,))


def naive_max(x: Array, axes: tuple[int, ...]) -> Array:
    kept = [j for j in range(x.ndim) if j not in axes]
    result = np.full([x.shape[j] for j in kept], -np.inf)
    for place in np.ndindex(x.shape):
        target = tuple(place[j] for j in kept)
        result[target] = max(result[target], x[place])
    return result


def naive_scatter(x: Array, index: Array, rows: int) -> Array:
    result = np.zeros((rows, *x.shape[index.ndim :]))
    for place in np.ndindex(index.shape):
        result[min(max(index[place], 0), rows - 1)] += x[place]
    return result


def naive_take(table: Array, index: Array) -> Array:
    rows = [table[index[place]] for place in np.ndindex(index.shape)]
    return np.array(rows).reshape(index.shape + table.shape[1:])


# operator, operands, what it does to one example
CASES: dict[str, tuple[Op, list[Operand], object]] = {
    "max of all": (Max((0, 1)), [MATRIX], lambda x: naive_max(x, (0, 1))),
    "max of rows": (Max((1,)), [MATRIX], lambda x: naive_max(x, (1,))),
    "max of columns": (Max((0,)), [MATRIX], lambda x: naive_max(x, (0,))),
    "max outside in": (Max((0, 2)), [Operand((2, 3, 4))], lambda x: naive_max(x, (0, 2))),
    "max of one": (Max((0,)), [Operand((1, 3))], lambda x: x[0]),
    "reshape": (Reshape((2, 6)), [MATRIX], lambda x: np.array(list(x.flat)).reshape(2, 6)),
    "reshape to a scalar": (Reshape(()), [Operand((1, 1))], lambda x: x[0, 0]),
    "concat": (
        Concat(0),
        [VECTOR, Operand((2,)), Operand((1,))],
        lambda a, b, c: np.array([*a, *b, *c]),
    ),
    "concat of columns": (
        Concat(1),
        [MATRIX, Operand((3, 2))],
        lambda a, b: np.array([[*r, *s] for r, s in zip(a, b, strict=True)]),
    ),
    "concat with itself": (Concat(0), [VECTOR], lambda a: a),
    "take": (Take(), [MATRIX, Operand(classes=3)], lambda t, i: t[i]),
    "take from a vector": (Take(), [VECTOR, Operand(classes=4)], lambda t, i: t[i]),
    "take many": (Take(), [MATRIX, Operand((2, 5), classes=3)], naive_take),
    "take with shared table": (
        Take(),
        [Operand((3, 4), uniform=True), Operand((5,), classes=3)],
        naive_take,
    ),
    "scatter": (
        Scatter(6),
        [Operand((5, 2)), Operand((5,), classes=6)],
        lambda x, i: naive_scatter(x, i, 6),
    ),
    "scatter of one": (
        Scatter(3),
        [Operand((2,)), Operand(classes=3)],
        lambda x, i: naive_scatter(x, i, 3),
    ),
}
INTEGER = {"argmax", "increment"}  # increment: schedule/test_updates.py
COVERED_ELSEWHERE = {"contract", "orthonormalize", "cumsum", "argsort", "take_along", "add_along"}


def apply(op: Op):
    def function(*xs: Value) -> Value:
        return xs[0].builder.add(op, *xs)

    return function


def test_every_operator_has_a_test() -> None:
    here = {op.name for op, _, _ in CASES.values()} | INTEGER | COVERED_ELSEWHERE
    here |= {"input", "persistent", "constant", "literal", "iota", "random", "batch_mean"}
    here |= {name for name, op in OPS.items() if op.sequential}
    assert OPS.keys() == here | TABLE.keys()


@pytest.mark.parametrize("name", CASES)
def test_reference_agrees_with_a_plain_computation(name: str) -> None:
    op, operands, plain = CASES[name]
    values = values_of(operands, BATCH)
    found = evaluate(derivative_graph(apply(op), operands), values, BATCH)["y"]
    for i in range(BATCH):
        arrays = [v if x.uniform else v[i] for v, x in zip(values.values(), operands, strict=True)]
        np.testing.assert_array_equal(found[i], plain(*arrays))  # type: ignore[operator]


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_derivatives_agree_with_finite_differences(name: str, mean: bool, check_gradient) -> None:
    op, operands, _ = CASES[name]
    check_gradient(apply(op), operands, mean=mean, orders=2)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_native_code_agrees_with_the_reference(name: str, dtype: str, check_compiled) -> None:
    op, operands, _ = CASES[name]
    graph = derivative_graph(apply(op), operands)
    check_compiled(graph, values=values_of(operands, 5), dtype=dtype)


def test_equal_greatest_elements_share_the_cotangent() -> None:
    graph = derivative_graph(apply(Max((0,))), [VECTOR])
    found = evaluate(graph, {"x0": np.array([[1.0, 5.0, 5.0, 2.0]])}, 1)["dx0"][0]
    assert found[1] == found[2] > 0 == found[0] == found[3]


@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4)])
def test_argmax_is_the_first_greatest(shape: tuple[int, ...], check_compiled) -> None:
    builder = Builder()
    x = builder.add(Operand(shape).leaf("x"))
    y = builder.add(ArgMax(), x)
    assert list(y.node.op.vjp(y, y, x)) == [None]
    graph = builder.graph({"y": y.id, "equal": y.apply("eq", y, 1.0).id})
    values = {"x": np.random.default_rng(0).integers(0, 3, size=(BATCH, *shape)).astype(float)}
    found = check_compiled(graph, BATCH, values=values)["y"]
    for place in np.ndindex(found.shape):
        row = list(values["x"][place])
        assert found[place] == row.index(max(row))


@pytest.mark.parametrize("name", ["take", "scatter"])
def test_an_index_out_of_range_counts_as_the_nearest_inside(name: str, check_compiled) -> None:
    op, shape = (Take(), (3, 2)) if name == "take" else (Scatter(3), (4, 2))
    operands = [Operand(shape), Operand((4,), classes=9)]
    graph = derivative_graph(apply(op), operands)
    values = values_of(operands, 2) | {"x1": np.array([[-7, 0, 2, 3], [99, 1, 1, -1]])}
    found = check_compiled(graph, 2, values=values)["y"]
    inside = values | {"x1": np.clip(values["x1"], 0, 2)}
    np.testing.assert_allclose(found, evaluate(graph, inside, 2)["y"])


def test_batch_mean_is_the_mean_and_its_own_adjoint(check_gradient) -> None:
    def centred(x: Value, p: Value) -> Value:
        mean = x.builder.add(BatchMean(), x * p)
        return (x * p - mean) * (x - mean * p)

    values = values_of([VECTOR], BATCH)
    graph = derivative_graph(apply(BatchMean()), [VECTOR])
    np.testing.assert_allclose(evaluate(graph, values, BATCH)["y"], values["x0"].mean(axis=0))
    check_gradient(centred, [VECTOR, Operand((4,), uniform=True)], orders=3)


def test_leaves_give_their_numbers() -> None:
    graph = parse_graph(
        "%0 = constant{value=2.5, shape=(2,)}; %1 = literal{values=(1.0, 2.0, 3.0), shape=(3, 1)};"
        "%2 = iota{size=4}; %3 = input{key='x', shape=(2,)}; %4 = persistent{key='p', shape=(1,)};"
        "%5 = input{key='c', classes=5}; return a=%0 b=%1 c=%2 d=%3 e=%4 f=%5"
    )
    values = {"x": np.ones((3, 2)), "p": np.array([7.0]), "c": np.array([0, 4, 2])}
    found = evaluate(graph, values, 3)
    np.testing.assert_array_equal(found["a"], [2.5, 2.5])
    np.testing.assert_array_equal(found["b"], [[1], [2], [3]])
    np.testing.assert_array_equal(found["c"], [0, 1, 2, 3])
    np.testing.assert_array_equal(found["d"], values["x"])
    np.testing.assert_array_equal(found["e"], [7])
    np.testing.assert_array_equal(found["f"], [0, 4, 2])


@pytest.mark.parametrize(
    ("op", "types", "message"),
    [
        (OPS["add"](), [(2,), (3,)], "sizes 2 and 3 do not match"),
        (Max((2,)), [(2, 3)], r"there is no axis 2 in \[2, 3\]"),
        (Max((0,)), [(0,)], "the greatest of no elements is undefined"),
        (ArgMax(), [()], "argmax needs a vector, got scalar"),
        (Take(), [(), ()], "only a table of rows can be indexed, got scalar"),
        (Scatter(3), [(2,), (3,)], "one index a row"),
        (Reshape((5,)), [(2, 3)], r"\[2, 3\] has 6 elements, \[5\] 5"),
        (Concat(1), [(2,), (2,)], "there is no axis 1"),
        (Concat(0), [(2, 3), (2, 4)], "concat needs equal sizes but on axis 0"),
    ],
)
def test_types_that_do_not_fit_are_refused(op: Op, types, message: str) -> None:
    builder = Builder()
    with pytest.raises(TypeFault, match=message):
        builder.add(op, *(builder.constant(1.0, shape) for shape in types))


def test_leaf_types() -> None:
    builder = Builder()
    assert builder.add(Iota(3)).shape == (3,)
    assert builder.add(Literal((1.0,), ())).shape == ()
    assert builder.add(Constant(1.0, (2, 2))).shape == (2, 2)
