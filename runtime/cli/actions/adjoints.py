"""Every value of a loss on one example, with its adjoint beside it, as in example D.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.derived.step_labels import model_results
from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study.derivation_numbers import of_one
from gradc_compiler.study.value_labels import constant_label, value_labels
from gradc_compiler.transform.differentiate import differentiate
from gradc_compiler.transform.unparse_expr import expression

LONGEST = 44  # characters of an expression


@dataclass(frozen=True, slots=True, kw_only=True)
class LossNode:
    """A node of a graph that is to be explained, and names for nodes that have none."""

    graph: Graph
    id: int
    name: str
    results: Mapping[tuple[int, int], str]  # a model's name, by the place of its result


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjointRow:
    """One node."""

    name: str
    text: str
    type: TensorType
    value: np.ndarray
    adjoint: np.ndarray | None
    span: Span | None
    parameter: bool


def training_loss(made: Compilation, step: str) -> LossNode:
    """The per-example loss of a training step: what its batch mean is taken of."""
    graph = made.graphs[f"gradients/{step}"]
    id = graph.outputs["loss"]
    if isinstance(graph[id].op, BatchMean):
        id = graph[id].inputs[0]
    return LossNode(graph=graph, id=id, name="loss", results=model_results(made.tree))


def forward_loss(made: Compilation, model: str) -> LossNode:
    """A model's first result."""
    graph = made.module.forward(model)
    name, id = next(iter(graph.outputs.items()))
    return LossNode(graph=graph, id=id, name=model if name == "result" else str(name), results={})


def rows_of(loss: LossNode, values: Mapping[str, Any]) -> list[AdjointRow]:
    """The nodes that the loss is computed from, in order; constants are left out."""
    kept = sorted(loss.graph.reachable([loss.id]))
    builder, renumbered = rebuild(loss.graph, kept)
    carries = {k: renumbered[id] for k, id in loss.graph.carries.items() if id in renumbered}
    builder.carries, builder.loops = carries, max(carries, default=-1) + 1
    shown = [n for n in builder.graph({}).nodes if not isinstance(n.op, Constant)]
    target = builder.value(renumbered[loss.id])
    adjoints = adjoints_of(builder, target, shown)
    graph = builder.graph({})
    numbers = dict(node_values(graph, values, 1, "float64"))
    names = named(graph, shown, target.id, loss)
    return [
        AdjointRow(
            name=names[node.id],
            text=text_of(graph, node, names),
            type=node.type,
            value=of_one(numbers[node.id], node.type),
            adjoint=of_one(numbers[adjoints[node.id]], node.type) if node.id in adjoints else None,
            span=node.span,
            parameter=isinstance(node.op, PersistentOp) and node.type.kind is Kind.REAL,
        )
        for node in shown
    ]


def adjoints_of(builder: Builder, target: Value, shown: list[Node]) -> dict[int, int]:
    """The node of each node's adjoint, appended; none unless the target is one real number."""
    number = target.type.size == 1 and target.type.time is None
    if not number or target.type.kind is not Kind.REAL:
        return {}
    reals = [builder.value(node.id) for node in shown if node.type.kind is Kind.REAL]
    found = differentiate(builder, target, reals, mean=False)
    return {x.id: g.id for x, g in zip(reals, found, strict=True)}


def named(graph: Graph, shown: list[Node], target: int, loss: LossNode) -> dict[int, str]:
    """A name of its own for each node; a constant is its number."""
    constants = {n.id: constant_label(n) for n in graph.nodes if isinstance(n.op, Constant)}
    return {**constants, **value_labels(graph, shown, (target, loss.name), loss.results)}


def text_of(graph: Graph, node: Node, names: Mapping[int, str]) -> str:
    """How a node is computed, in the language's own words."""
    if isinstance(node.op, Input):
        return "input"
    if isinstance(node.op, PersistentOp):
        return "param" if node.type.kind is Kind.REAL else "counter"
    shapes = [graph[i].type.shape for i in node.inputs]
    text = expression(node, [names[i] for i in node.inputs], shapes)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
