"""Results, gradients, and the gradient of their squared norm, on the CPU as by the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.outputs import OutputKey, Role, of_role, with_role
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.graph.types import Kind
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.transform.differentiate import differentiate
from gradc_runtime.cpu.executable import Executable
from tests.support.graphs import sample_values
from tests.support.sequence_runs import compare, executable, wanted

LENGTHS = (3, 1, 4)  # of the sequences of a batch


def of_model(forward: Graph) -> Graph:
    """A model's results, and both orders of slopes of their sums by what it reads."""
    builder, found = _again(forward)
    loss = builder.constant(0.0)
    for y in found.values():
        if y.type.kind is Kind.REAL:
            total = builder.add(TimeSum(), y) if y.type.time is not None else y
            loss = loss + sum_axes(total.apply("sin", total), tuple(range(len(total.shape))))
    return _with_second(builder, found, _slopes(builder, loss, _read(builder)))


def of_step(gradients: Graph) -> Graph:
    """The graph of a step's gradients, and the slopes of their squared norm."""
    builder, found = _again(gradients)
    return _with_second(builder, found, of_role(Role.GRADIENT, found))


def _again(graph: Graph) -> tuple[Builder, dict[OutputKey, Value]]:
    """A builder with a copy of the graph, and its results there."""
    builder, places = rebuild(graph)
    builder.carries = {loop: places[id] for loop, id in graph.carries.items()}
    builder.loops = max(builder.carries, default=-1) + 1
    return builder, {n: builder.value(places[i]) for n, i in graph.results.items()}


def _read(builder: Builder) -> dict[str, Value]:
    """The parameters and inputs that are real numbers, but for sequences."""
    leaves = [n for n in builder.nodes if isinstance(n.op, PersistentOp | Input)]
    real = [n for n in leaves if n.type.kind is Kind.REAL and n.type.time is None]
    return {n.op.key: builder.value(n.id) for n in real}


def _slopes(builder: Builder, loss: Value, by: Mapping[str, Value]) -> dict[str, Value]:
    found = differentiate(builder, loss, list(by.values()), mean=True)
    return dict(zip(by, found, strict=True))


def _with_second(
    builder: Builder, found: dict[OutputKey, Value], slopes: dict[str, Value]
) -> Graph:
    """Each gradient, and `second P`: the slope of the squared norm of all of them by P."""
    norm, known = builder.constant(0.0), _read(builder)
    for g in slopes.values():
        norm = norm + sum_axes(g * g, tuple(range(len(g.shape))))
    second = _slopes(builder, norm, {n: known[n] for n in slopes})
    named = with_role(Role.GRADIENT, slopes) | {f"second {n}": g for n, g in second.items()}
    return builder.graph({n: v.id for n, v in (found | named).items()})


def numbers_for(graph: Graph, *, within: bool = False) -> dict[str, Any]:
    """Numbers for what a graph reads, for three examples; `within` 0 and 1, or of any sign."""
    rng, values = np.random.default_rng(0), dict[str, Any](sample_values(graph, 3))
    for node in graph.nodes:
        if within and isinstance(node.op, Input) and node.type.kind is Kind.REAL:
            values[node.op.key] = rng.uniform(0.1, 0.9, size=(3, *node.op.shape))
        if isinstance(node.op, PersistentOp) and node.type.kind is Kind.REAL:
            drawn = 0.5 * values[node.op.key]
            values[node.op.key] = 0.1 + abs(drawn) if within else drawn
        if isinstance(node.op, Input) and (time := node.op.time) is not None:
            lengths = np.array(LENGTHS if isinstance(time, str) else [time] * 3)
            shape = (int(lengths.sum()), *node.op.shape)
            classes = node.op.classes
            rows = rng.normal(size=shape) if classes is None else rng.integers(0, classes, shape)
            values[node.op.key] = Ragged(rows, lengths)
            values[f"length/{time}"] = lengths
    return values


def assert_as_the_reference(graph: Graph, threads: int = 1) -> None:
    """The native code of a graph gives what the reference gives, in float64."""
    values = numbers_for(graph)
    expected = evaluate(graph, values, 3)
    if not is_finite(expected):
        values = numbers_for(graph, within=True)
        expected = evaluate(graph, values, 3)
    assert is_finite(expected), "there are numbers for which this is defined"
    keys = {n.op.key for n in graph.nodes if isinstance(n.op, PersistentOp)}
    own = {key: np.asarray(values[key]) for key in sorted(keys)}
    runner = executable(Executable, optimise(graph), own, np.float64, threads)
    results, outputs = runner.run(wanted(graph, values), batch=3)
    found = {name: array[0] for name, array in results.items()} | outputs
    for name, value in expected.items():
        compare(found[name], value, 1e-8)


def is_finite(found: Mapping[str, Any]) -> bool:
    """Whether every number of every output is one."""
    arrays = (x.values if isinstance(x, Ragged) else x for x in found.values())
    return all(np.isfinite(x).all() for x in arrays)
