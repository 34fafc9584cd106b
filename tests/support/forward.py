"""Tangents checked: against central differences, and against reverse mode by duality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.transform.differentiate import differentiate
from gradc_compiler.transform.push_forward import push_forward
from tests.support.graphs import (
    Function,
    Operand,
    Values,
    evaluate_outputs,
    leaves,
    values_of,
    weighted_sum,
)

STEP = 1e-5


def tangent_graph(function: Function, operands: Sequence[Operand], *, second: bool) -> Graph:
    """`y` and `dy` along `dx0`, `dx1`, ...; `loss`, a weighted sum of y, and its slopes `g0`, ...;
    if `second`, how those move: `dg0`, ...
    """
    builder = Builder()
    xs = leaves(builder, operands)
    real = [x for x, operand in zip(xs, operands, strict=True) if operand.classes is None]
    y = function(*xs)
    loss = weighted_sum(y, np.random.default_rng(1))
    slopes = differentiate(builder, loss, real, mean=False)
    dxs = [builder.add(_direction(x.node.op)) for x in real]
    wanted = [y, loss, *(slopes if second else [])]
    moved = push_forward(builder, wanted, real, dxs)
    names = [x.node.op.key.removeprefix("x") for x in real]
    outputs = {"y": y.id, "loss": loss.id, "dy": moved[0].id, "dloss": moved[1].id}
    outputs |= {f"g{k}": g.id for k, g in zip(names, slopes, strict=True)}
    outputs |= {f"dg{k}": g.id for k, g in zip(names, moved[2:], strict=False)}
    return verify(builder.graph(outputs))


def _direction(op: Input | PersistentOp) -> Input | PersistentOp:
    return replace(op, key=f"d{op.key}")


def check_forward(
    function: Function, operands: Sequence[Operand], batch: int, *, second: bool, tolerance: float
) -> None:
    """Tangents are what differences say, and sum up to what the cotangents say."""
    graph = tangent_graph(function, operands, second=second)
    values = values_of(operands, batch)
    rng = np.random.default_rng(7)
    moves = {
        f"d{k}": rng.normal(size=v.shape)
        for (k, v), x in zip(values.items(), operands, strict=True)
        if x.classes is None
    }
    found = evaluate_outputs(graph, {**values, **moves}, batch)
    pairs = {"dy": "y"} | {k: k[1:] for k in found if str(k).startswith("dg")}
    ahead, behind = (_moved(graph, values, moves, sign * STEP, batch) for sign in (1, -1))
    for tangent, of in pairs.items():
        wanted = (ahead[of] - behind[of]) / (2 * STEP)
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        np.testing.assert_allclose(
            *np.broadcast_arrays(found[tangent], wanted),  # one of all examples, or each its own
            rtol=10 * tolerance, atol=10 * tolerance * scale, err_msg=str(tangent),
        )  # fmt: skip
    along = 0.0
    for key, operand in zip(values, operands, strict=True):
        if operand.classes is None:
            shape = (batch, *operand.shape)
            slope, direction = found[f"g{key[1:]}"], moves[f"d{key}"]
            along += float((np.broadcast_to(slope, shape) * direction).sum())
    forward = np.broadcast_to(found["dloss"], (batch,)).sum()
    np.testing.assert_allclose(forward, along, rtol=1e-9, atol=1e-9)


def _moved(graph: Graph, values: Values, moves: Values, step: float, batch: int) -> Values:
    moved = {k: v + step * moves[f"d{k}"] if f"d{k}" in moves else v for k, v in values.items()}
    return evaluate_outputs(graph, {**moved, **moves}, batch)
