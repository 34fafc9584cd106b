"""A derivative that an author has written, as graphs: transposed for reverse mode, and held against
the true one.

A rule is a graph of `dy` from operands `x0`, ... and tangents `dx0`, ...  It must be linear in the
tangents; its transpose then follows by reverse mode, which asks for no second text.  Whether it is
linear, and the derivative that it says it is, is tried in float64 at points drawn from several
ranges: what is not finite there (a logarithm below 0) says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.ragged import Ragged, length_key
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.graph.types import Kind
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.transform.differentiate import differentiate

Array = np.ndarray
Values = dict[str, Any]
EXAMPLES, STEPS = 16, 3  # of a trial, and of each of its sequences
RANGES = ((-1.0, 1.0), (0.1, 2.0), (-4.0, 4.0), (-0.9, 0.9))
TOLERANCE = 1e-6


def is_tangent(key: str) -> bool:
    """Whether an input of a rule is a tangent."""
    return key.startswith("dx")


def pruned(builder: Builder, outputs: Mapping[str, Value]) -> Graph:
    """The graph of some values and what they are computed from."""
    whole = builder.graph({})
    kept, numbers = rebuild(whole, whole.reachable(v.id for v in outputs.values()))
    return kept.graph({name: numbers[v.id] for name, v in outputs.items()})


def own_tensor(result: Value, inputs: Sequence[Value]) -> str | None:
    """The name of a parameter or state that a value is computed from, other than through inputs."""
    builder, seen, left = result.builder, {x.id for x in inputs}, [result.id]
    while left:
        if (id := left.pop()) in seen:
            continue
        seen.add(id)
        op = builder.nodes[id].op
        if isinstance(op, PersistentOp):
            return op.key.rpartition(".")[2]
        left += builder.nodes[id].inputs
        if op.carried_by is not None and op.carried_by in builder.carries:
            left.append(builder.carries[op.carried_by])
    return None


def transposed(push: Graph) -> Graph | None:
    """What the operands get for a cotangent `g` of y: `g0`, ...; those that get nothing are left
    out.  None where the rule is seen not to be linear in the tangents.
    """
    builder, numbers = rebuild(push)
    dy = builder.value(numbers[push.outputs["dy"]])
    g = builder.add(Input("g", dy.shape, None, dy.type.time))
    along = sum_axes(dy * g, range(len(dy.shape)))
    if along.type.time is not None:
        along = builder.add(TimeSum(), along)
    tangents = {
        node.op.key: builder.value(node.id)
        for node in builder.nodes
        if isinstance(node.op, Input) and is_tangent(node.op.key)
    }
    found = differentiate(builder, along, [*tangents.values()], mean=False)
    moved = {f"g{k.removeprefix('dx')}": g for k, g in zip(tangents, found, strict=True)}
    pull = pruned(builder, {k: g for k, g in moved.items() if not _is_zero(g)})
    return None if any(map(is_tangent, _keys(pull))) else pull


def _is_zero(g: Value) -> bool:
    return isinstance(g.node.op, Constant) and g.node.op.value == 0


def _keys(graph: Graph) -> Iterator[str]:
    return (node.op.key for node in graph.nodes if isinstance(node.op, Input))


def is_linear(push: Graph) -> bool:
    """Whether a rule gives a u + b v for the same sum of tangents, wherever it was tried."""
    a, b = 0.75, -1.5
    for given, other in _trials(push):
        sides = (_result(push, given), _result(push, other))
        both = {k: _mixed(v, other[k], a, b) if is_tangent(k) else v for k, v in given.items()}
        if not _near(_result(push, both), a * sides[0] + b * sides[1]).all():
            return False
    return True


def _mixed(u: Any, v: Any, a: float, b: float) -> Any:
    if isinstance(u, Ragged):
        return Ragged(a * u.values + b * v.values, u.lengths)
    return a * u + b * v


@dataclass(frozen=True)
class Difference:
    """Where a rule says something else than is true."""

    at: Mapping[str, Array]  # operands and tangents of the example
    rule: float
    true: float


def difference(push: Graph, true: Graph) -> Difference | None:
    """The first number that a rule gives otherwise than the true derivative of the same inputs."""
    for given, _ in _trials(push, true):
        said, wanted = _result(push, given), _result(true, given)
        wrong = np.argwhere(~_near(said, wanted))
        if len(wrong):
            place = tuple(wrong[0])
            at = {k: v[place[0]] for k, v in given.items() if isinstance(v, np.ndarray)}
            return Difference(at, float(said[place]), float(wanted[place]))
    return None


def is_tried(push: Graph, true: Graph) -> bool:
    """Whether both are finite anywhere, so that `difference` has compared something."""
    return any(
        np.isfinite(_result(push, given) + _result(true, given)).any()
        for given, _ in _trials(push, true)
    )


def _near(a: Array, b: Array) -> Array:
    """Where two results agree, or one says nothing."""
    with np.errstate(all="ignore"):
        apart = np.abs(a - b) > TOLERANCE * (1 + np.abs(b))
    return np.asarray(~(apart & np.isfinite(a) & np.isfinite(b)))


def _result(graph: Graph, values: Values) -> Array:
    with np.errstate(all="ignore"):
        found = evaluate(graph, {"seed": 0, "step": 0, **values}, EXAMPLES)["dy"]
    if isinstance(found, Ragged):
        return found.values
    shape = (EXAMPLES, *graph[graph.outputs["dy"]].type.shape)
    return np.broadcast_to(found, shape)


def _trials(*graphs: Graph) -> Iterator[tuple[Values, Values]]:
    """Numbers for the inputs of graphs, twice with the same operands and other tangents."""
    rng = np.random.default_rng(0)
    found = (node.op for graph in graphs for node in graph.nodes if isinstance(node.op, Input))
    leaves = list({op.key: op for op in found}.values())
    for low, high in RANGES:
        given, other = Values(), Values()
        for op in leaves:
            ends = (-1.0, 1.0) if is_tangent(op.key) else (low, high)
            given[op.key] = other[op.key] = _drawn(op, *ends, rng)
            if is_tangent(op.key):
                other[op.key] = _drawn(op, *ends, rng)
            if isinstance(op.time, str):
                given[length_key(op.time)] = other[length_key(op.time)] = _lengths(op.time)
        yield given, other


def _lengths(time: str | int) -> Array:
    return np.full(EXAMPLES, time if isinstance(time, int) else STEPS)


def _drawn(op: Input, low: float, high: float, rng: np.random.Generator) -> Any:
    rows = EXAMPLES if op.time is None else int(_lengths(op.time).sum())
    shape = (rows, *op.shape)
    if op.infer().kind is Kind.INDEX:
        numbers: Array = rng.integers(0, op.classes or 1, size=shape)
    else:
        numbers = rng.uniform(low, high, size=shape)
    return numbers if op.time is None else Ragged(numbers, _lengths(op.time))
