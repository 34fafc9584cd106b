"""The definition of every operator with a class gives what its reference gives."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Increment, Scatter, Take
from gradc_compiler.ops.leaf import Constant, Input, Iota, Literal, PersistentOp
from gradc_compiler.ops.operator_definitions import DEFINITIONS, text_of
from gradc_compiler.ops.orthonormalize import Orthonormalize
from gradc_compiler.ops.random import Random
from gradc_compiler.ops.reduce import ArgMax, BatchMean, Max
from gradc_compiler.ops.ruled import Ruled
from gradc_compiler.ops.sequence import (
    AtLast,
    FromRows,
    Last,
    Length,
    Previous,
    Reverse,
    TimeBroadcast,
    TimePosition,
    TimeSum,
)
from gradc_compiler.ops.shape import Concat, Reshape
from gradc_compiler.ops.sorting import AddAlong, ArgSort, TakeAlong

Array = np.ndarray
Trial = tuple[Op, list[Array]]  # an operator, and its operands for a batch of examples
BATCH, TRIALS = 3, 4
LENGTHS = np.array([4, 0, 1])


def sizes(rng: np.random.Generator, rank: int, least: int = 0) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(least, 5, rank))


def numbers(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers of which some are equal."""
    return np.asarray(rng.integers(-3, 4, (BATCH, *shape)) + 0.5 * rng.integers(0, 2, shape))


def with_gaps(rng: np.random.Generator, *shape: int) -> Array:
    """The same, of which some are NaN."""
    return np.where(rng.random((BATCH, *shape)) < 0.15, np.nan, numbers(rng, *shape))


def a_convolution(rng: np.random.Generator) -> Trial:
    """Of a random stride, padding and dilation, so that some places are outside."""
    n, k, c = (int(m) for m in rng.integers(1, 5, 3))
    stride, dilation, before = (int(m) for m in (*rng.integers(1, 3, 2), rng.integers(0, 3)))
    seen = (Affine(((0, stride), (2, dilation)), -before), index(3))
    maps = (seen, (index(1), index(2), index(3)))
    op = Contract((n, 2, k, c), maps, (index(0), index(1)), (n, 2))
    return op, [numbers(rng, n + 1, c), numbers(rng, 2, k, c)]


def an_adding_up(rng: np.random.Generator) -> Trial:
    """One operand, added up where the result is written more than once, or beyond its end."""
    a, b = (int(m) for m in rng.integers(1, 5, 2))
    op = Contract((a, b), ((index(0), index(1)),), (Affine(((0, 1), (1, 2)), -1),), (a + b,))
    return op, [numbers(rng, a, b)]


def a_cumsum(rng: np.random.Generator) -> Trial:
    shape = sizes(rng, int(rng.integers(1, 4)))
    op = CumSum(int(rng.integers(len(shape))), bool(rng.integers(2)))
    return op, [numbers(rng, *shape)]


def rows_by_number(rng: np.random.Generator) -> tuple[tuple[int, ...], Array, tuple[int, ...], int]:
    places, rest, rows = sizes(rng, int(rng.integers(0, 3))), sizes(rng, 1), int(rng.integers(1, 5))
    return places, rng.integers(0, rows, (BATCH, *places)), rest, rows


def a_take(rng: np.random.Generator) -> Trial:
    _, at, rest, rows = rows_by_number(rng)
    return Take(), [numbers(rng, rows, *rest), at]


def a_scatter(rng: np.random.Generator) -> Trial:
    places, at, rest, rows = rows_by_number(rng)
    return Scatter(rows), [numbers(rng, *places, *rest), at]


def along(rng: np.random.Generator) -> tuple[Array, Array, int]:
    rows, size = sizes(rng, int(rng.integers(0, 3))), int(rng.integers(1, 5))
    x = numbers(rng, *rows, int(rng.integers(1, 5)))
    return x, rng.integers(0, size, x.shape), size


def a_take_along(rng: np.random.Generator) -> Trial:
    x, at, size = along(rng)
    return TakeAlong(), [numbers(rng, *x.shape[1:-1], size), at]


def an_add_along(rng: np.random.Generator) -> Trial:
    x, at, size = along(rng)
    return AddAlong(size), [x, at]


def a_reshape(rng: np.random.Generator) -> Trial:
    a, b, c = sizes(rng, 3)
    return Reshape((c, a * b)), [numbers(rng, a, b, c)]


def a_concat(rng: np.random.Generator) -> Trial:
    shape, axis = list(sizes(rng, 3)), int(rng.integers(3))
    parts = [[*shape[:axis], int(n), *shape[axis + 1 :]] for n in rng.integers(0, 4, 3)]
    return Concat(axis), [numbers(rng, *part) for part in parts]


def a_max(rng: np.random.Generator) -> Trial:
    shape = sizes(rng, 3, least=1)
    axes = tuple(int(a) for a in np.sort(rng.permutation(3)[: rng.integers(1, 4)]))
    return Max(axes), [with_gaps(rng, *shape)]


def a_literal(rng: np.random.Generator) -> Trial:
    shape = sizes(rng, 2)
    values = rng.normal(size=int(np.prod(shape)))
    return Literal(tuple(float(v) for v in values), shape), []


MADE = {
    "contract, a convolution": a_convolution,
    "contract, an adding up": an_adding_up,
    "cumsum": a_cumsum,
    "take": a_take,
    "increment": lambda rng: (Increment(), [rng.integers(0, 9, BATCH)]),
    "scatter": a_scatter,
    "constant": lambda rng: (Constant(float(rng.normal()), sizes(rng, 2)), []),
    "literal": a_literal,
    "iota": lambda rng: (Iota(int(rng.integers(0, 6))), []),
    "orthonormalize": lambda rng: (
        Orthonormalize(), [rng.normal(size=(BATCH, *sizes(rng, 2, least=1)))],
    ),
    "reshape": a_reshape,
    "concat": a_concat,
    "max": a_max,
    "argmax": lambda rng: (ArgMax(), [with_gaps(rng, *sizes(rng, 2, least=1))]),
    "batch_mean": lambda rng: (BatchMean(), [numbers(rng, *sizes(rng, 2))]),
    "argsort": lambda rng: (ArgSort(), [with_gaps(rng, *sizes(rng, 2))]),
    "take_along": a_take_along,
    "add_along": an_add_along,
    "ruled": lambda rng: (Ruled("mine"), [numbers(rng, 2), numbers(rng, 2)]),
}  # fmt: skip
OVER_TIME = {
    "spread": (TimeBroadcast("t"), False),
    "total": (TimeSum(), True),
    "end": (Last(), True),
    "end, the first": (Last(first=True), True),
    "at_end": (AtLast("t"), False),
    "at_end, the first": (AtLast("t", first=True), False),
    "reverse": (Reverse(), True),
    "length": (Length("t"), None),
    "position": (TimePosition("t"), None),
}
ALONE = {"input", "persistent", "random", "from_rows", "previous"}  # each in a test of its own


def fields_for(op: Op, **given: Any) -> dict[str, Any]:
    """The parameters of a definition that are no operands: fields of the operator, or given."""
    parameters = inspect.signature(DEFINITIONS[op.name]).parameters
    known = op.attributes() | given
    return {name: known[name] for name in parameters if name in known}


def defined(op: Op, *operands: Any, **given: Any) -> Array:
    """What the definition says."""
    return np.asarray(DEFINITIONS[op.name](*operands, **fields_for(op, **given)))


def test_every_operator_with_a_class_is_defined_and_tried() -> None:
    assert set(DEFINITIONS) == {n for n, op in OPS.items() if not issubclass(op, Elementwise)}
    tried = {name.partition(",")[0] for name in (*MADE, *OVER_TIME)} | ALONE
    assert tried == set(DEFINITIONS)
    assert all(text_of(name).startswith(f"def {name}(") for name in DEFINITIONS)


@pytest.mark.parametrize("name", MADE)
def test_a_definition_gives_what_the_reference_gives(name: str) -> None:
    for seed in range(TRIALS):
        op, operands = MADE[name](np.random.default_rng(seed))
        found = op.reference(*operands)
        if isinstance(op, BatchMean):
            expected = defined(op, *operands)[None]
        else:
            every = range(BATCH if operands else 1)
            expected = np.array([defined(op, *(x[k] for x in operands)) for k in every])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", OVER_TIME)
def test_a_definition_over_time(name: str) -> None:
    op, takes = OVER_TIME[name]
    rng, builder = np.random.default_rng(7), Builder()
    x = Ragged(rng.normal(size=(LENGTHS.sum(), 2)), LENGTHS) if takes else rng.normal(size=(3, 2))
    kind = "t" if takes else None
    operands = [] if takes is None else [builder.add(Input("x", (2,), None, kind))]
    graph = builder.graph({"y": builder.add(op, *operands).id})
    found = evaluate(graph, {"x": x, "length/t": LENGTHS}, BATCH)["y"]
    for k, steps in enumerate(LENGTHS):
        given = [] if takes is None else [x[k]]
        expected = defined(op, *given, steps=int(steps))
        np.testing.assert_allclose(found[k], expected.reshape(np.shape(found[k])), atol=1e-12)


def test_what_a_recurrence_carries() -> None:
    """h[t] = h[t - 1] / 2 + x[t], from either end."""
    rng = np.random.default_rng(1)
    x = Ragged(rng.normal(size=(LENGTHS.sum(), 2)), LENGTHS)
    start = rng.normal(size=(BATCH, 2))
    for backwards in (False, True):
        b = Builder()
        loop = b.new_loop()
        op = Previous(loop, "t", backwards)
        before = b.add(op, b.add(Input("start", (2,))))
        h = before * 0.5 + b.add(Input("x", (2,), None, "t"))
        b.carries[loop] = h.id
        graph = b.graph({"h": h.id, "before": before.id})
        found = evaluate(graph, {"x": x, "start": start, "length/t": LENGTHS}, BATCH)
        for k in range(BATCH):
            expected = defined(op, start[k], found["h"][k])
            np.testing.assert_allclose(found["before"][k], expected.reshape(-1, 2))


def test_rows_of_a_sequence_of_fixed_length() -> None:
    builder = Builder()
    x = builder.add(Input("x", (2,), None, 3))
    graph = builder.graph({"y": builder.add(FromRows(), x).id})
    rows = Ragged(np.arange(18.0).reshape(9, 2), np.array([3, 3, 3]))
    found = evaluate(graph, {"x": rows}, BATCH)["y"]
    np.testing.assert_array_equal(found, [defined(FromRows(), rows[k]) for k in range(BATCH)])


def test_what_an_example_and_the_memory_have() -> None:
    data, memory = {"x": np.arange(6.0).reshape(3, 2)}, {"w": np.array([3.0, 4.0])}
    b = Builder()
    x, w = Input("x", (2,)), PersistentOp("w", (2,))
    graph = b.graph({"x": b.add(x).id, "w": b.add(w).id})
    found = evaluate(graph, {**data, **memory}, BATCH)
    for k in range(BATCH):
        np.testing.assert_array_equal(found["x"][k], defined(x, data={"x": data["x"][k]}))
    np.testing.assert_array_equal(found["w"], defined(w, memory=memory))


@pytest.mark.parametrize("normal", [False, True])
def test_random_draws(normal: bool) -> None:
    op = Random(node=5, shape=(2, 3), normal=normal)
    found = op.sample(11, 7, np.array([0, 4]), np.array([0, 2]))
    for row, (example, time) in enumerate([(0, 0), (4, 2)]):
        expected = defined(op, seed=11, step=7, example=example, time=time)
        np.testing.assert_allclose(found[row], expected, rtol=1e-14)
