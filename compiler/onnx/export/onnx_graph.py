"""A model of a program as an ONNX file: the graph of its forward pass, node by node.

What is translated is the graph as the author wrote it, before any rewrite: so a file shows the
layers that the spec has, under its names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import TensorType
from gradc_compiler.onnx.export.contraction_nodes import contracted
from gradc_compiler.onnx.export.elementwise_rows import ROWS, SAME
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.onnx_tensors import Tensor, aligned, element_of, real
from gradc_compiler.onnx.records import OnnxGraph, OnnxModel, OnnxValue, Size
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Constant, Input, Iota, Literal, PersistentOp
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.program.program import Program

BATCH = "batch"
RESULT = "result"  # what the compiler calls the output of a model that has one


class NotExported(Exception):
    """A model has something that no ONNX operator means."""

    def __init__(self, what: str, span: Span | None) -> None:
        self.what, self.span = what, span
        super().__init__(what)


def onnx_model(program: Program, model: str) -> OnnxModel:
    """The file of a model, without the numbers of its weights.

    Raises `NotExported` where something has no counterpart.
    """
    assert program.checks is not None, "a program has the graphs that it is checked against"
    graph = program.checks.graphs[program.models[model]]
    found = Translation(graph, model, program.inputs[model]).graph()
    texts = {"gradc.spec": program.source, "gradc.name": program.name, "gradc.model": model}
    return OnnxModel(graph=found, texts=texts)


class Translation:
    """One graph on its way."""

    def __init__(self, graph: Graph, model: str, inputs: Mapping[str, TensorType]) -> None:
        self.source, self.model, self.declared = graph, model, inputs
        self.writer = GraphWriter(scope=model)
        self.tensors: dict[int, Tensor] = {}
        self.weights: dict[str, OnnxValue] = {}
        self.layers: dict[Span, str] = {}  # the layer whose parameters were read last at a place

    def graph(self) -> OnnxGraph:
        """The whole of it."""
        names = self.writer.names
        given = tuple(
            OnnxValue(names.new(key), element_of(type), (BATCH, *type.shape), f"{key} : {type}")
            for key, type in self.declared.items()
        )
        live = self.source.reachable(self.source.results.values())
        for node in self.source.nodes:
            if node.id in live:
                self.at(node)
                self.tensors[node.id] = self.tensor(node)
        return OnnxGraph(
            name=self.model, inputs=given, outputs=tuple(self.outputs()),
            nodes=tuple(self.writer.nodes), constants=self.writer.constants,
            weights=self.weights, values=tuple(self.writer.values),
        )  # fmt: skip

    def at(self, node: Node) -> None:
        """Let nodes belong to the layer and the line that a node of the graph is from."""
        self.writer.note = str(node.span or "")
        if node.span is not None and isinstance(node.op, PersistentOp):
            self.layers[node.span] = node.op.key.rpartition(".")[0]
        layer = self.layers.get(node.span) if node.span is not None else None
        self.writer.scope = layer or self.model

    def tensor(self, node: Node) -> Tensor:
        """A node of the graph, with the nodes that it takes."""
        xs = [self.tensors[i] for i in node.inputs]
        lead = max((x.lead for x in xs), default=0)
        match node.op:
            case Input(key=key):
                return Tensor(key, 1, node.type)
            case PersistentOp(key=key):
                return Tensor(self.weight(key, node.type), 0, node.type)
            case Constant(value=value, shape=shape):
                return Tensor(self.writer.constant(np.full(shape, value)), 0, node.type)
            case Literal(values=values, shape=shape):
                numbers = np.array(values).reshape(shape)
                return Tensor(self.writer.constant(numbers), 0, node.type)
            case Iota(size=size):
                return Tensor(self.writer.constant(np.arange(size)), 0, node.type)
            case Reshape(shape=shape):
                return Tensor(self.writer.reshaped(xs[0].name, lead, shape), lead, node.type)
            case Contract() as op:
                return Tensor(contracted(self.writer, op, xs), lead, node.type)
        return Tensor(self.elementwise(node, xs, lead), lead, node.type)

    def elementwise(self, node: Node, xs: Sequence[Tensor], lead: int) -> str:
        """A row of the table on operands that broadcast.

        Raises `NotExported` for an operator without a row.
        """
        if node.op.name in SAME:
            return xs[0].name
        if node.op.name not in ROWS:
            raise NotExported(f"{node.op.name} has no counterpart in ONNX", node.span)
        rank = len(node.type.shape)
        names = [aligned(self.writer, real(self.writer, x), x, lead, rank) for x in xs]
        return ROWS[node.op.name](self.writer, *names)

    def weight(self, key: str, type: TensorType) -> str:
        """The name of what persists."""
        if key not in self.weights:
            name = self.writer.names.new(key)
            self.weights[key] = OnnxValue(name, element_of(type), type.shape)
        return self.weights[key].name

    def outputs(self) -> list[OnnxValue]:
        """The outputs, each under the author's name."""
        found = []
        for key, id in self.source.results.items():
            x, wanted = self.tensors[id], self.model if key == RESULT else str(key)
            name = self.writer.add("Identity", x.name, name=wanted)
            sizes: tuple[Size, ...] = (*[BATCH][: x.lead], *x.shape)
            found.append(OnnxValue(name, element_of(x.type), sizes, f"{wanted} : {x.type}"))
        return found
