"""Translates a node of the graph to ONNX nodes, by the row of its operator in a table."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Source, Span
from gradc_compiler.graph.graph import Node
from gradc_compiler.onnx.export.contraction_nodes import contracted
from gradc_compiler.onnx.export.elementwise_rows import ROWS, SAME
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor, aligned, element_of, real
from gradc_compiler.onnx.export.operator_rows import OPERATOR_ROWS, lead_of
from gradc_compiler.onnx.export.random_draws import drawn
from gradc_compiler.onnx.export.sequence_rows import SEQUENCE_ROWS
from gradc_compiler.onnx.records import DOMAIN, OnnxValue
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random

RULES = {**OPERATOR_ROWS, **SEQUENCE_ROWS, Random: drawn}


def tensor_of(c: ExportContext, node: Node) -> Tensor:
    """The ONNX tensor that a node becomes in the graph that is being written.

    Raises `CompileError` for an operator without a row.
    """
    xs = [c.tensors[i] for i in node.inputs]
    match node.op:
        case Input(key=key, time=time):
            return Tensor(key, 1 if time is None else 2, node.type)
        case PersistentOp():
            return Tensor(weight(c, node), 0, node.type)
        case Contract() as op:
            return Tensor(_contract(c, node, op, xs), lead_of(xs), node.type)
        case Elementwise():
            return Tensor(_elementwise(c, node, xs), lead_of(xs), node.type)
    if type(node.op) not in RULES:
        raise without_counterpart(node)
    return RULES[type(node.op)](c, node, xs)


def without_counterpart(node: Node) -> CompileError:
    """The error that a node cannot be exported, at the author's line."""
    nowhere = Span(source=Source("model", ""), start=0, end=0)
    return CompileError(
        [
            Diagnostic(
                code="E0504",
                message=f"`{node.op.name}` has no counterpart in ONNX",
                primary=Label(node.span or nowhere, "needed here"),
                hint="say it with other operators, or give it a row in `compiler/onnx/export`",
            )
        ]
    )


def weight(c: ExportContext, node: Node) -> str:
    """The name of a persistent tensor: the author's name unless that is taken."""
    assert isinstance(node.op, PersistentOp)
    key = node.op.key
    if key not in c.weights:
        name = c.writer.names.new(key)
        c.weights[key] = OnnxValue(name, element_of(node.type), node.type.shape)
    return c.weights[key].name


def _contract(c: ExportContext, node: Node, op: Contract, xs: list[Tensor]) -> str:
    """A contraction, with the bias that is added to it and to nothing else."""
    bias = _bias_after(c, node)
    found = contracted(c.writer, op, xs, "" if bias is None else weight(c, bias))
    if found.with_bias:
        c.added.add(c.users[node.id][0])
    return found.name


def _bias_after(c: ExportContext, node: Node) -> Node | None:
    """The parameter that the only reader of a node adds along its last axis."""
    readers, wanted = c.users[node.id], node.id in c.graph.outputs.values()
    if len(readers) != 1 or wanted or not node.type.shape:
        return None
    (reader,) = (c.graph[i] for i in readers)
    if reader.op.name != "add" or reader.type != node.type:
        return None
    other = next((c.graph[i] for i in reader.inputs if i != node.id), node)
    plain = isinstance(other.op, PersistentOp) and other.type.shape == node.type.shape[-1:]
    return other if plain else None


def _elementwise(c: ExportContext, node: Node, xs: list[Tensor]) -> str:
    """An elementwise operator, by its row of the table, on operands that broadcast."""
    if node.id in c.added:
        return next(x.name for x in xs if x.lead)
    if node.op.name in SAME:
        return xs[0].name
    lead, rank = lead_of(xs), len(node.type.shape)
    names = [aligned(c.writer, real(c.writer, x), x, lead, rank) for x in xs]
    if node.op.name in ROWS:
        return ROWS[node.op.name](c.writer, *names)
    return c.writer.add(node.op.name, *names, domain=DOMAIN)
