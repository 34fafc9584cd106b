"""A model of a program as an ONNX file: the graph of its forward pass, node by node.

The graph is translated as the author wrote it, except that axes of one element and repeated
computations are simplified away: so a file shows the layers that the spec has, under its names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.loop_order import in_order
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.onnx.export.file_functions import functions_of
from gradc_compiler.onnx.export.loop_nodes import recurrence
from gradc_compiler.onnx.export.node_rules import tensor_of
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor, element_of, repeated
from gradc_compiler.onnx.export.sequence_rows import only_inside, shifted
from gradc_compiler.onnx.export.sequence_times import Times
from gradc_compiler.onnx.export.used_nodes import renamed, used
from gradc_compiler.onnx.records import OnnxGraph, OnnxModel, OnnxNode, OnnxValue
from gradc_compiler.ops.sequence import Length, Previous
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites.table import ALGEBRA, optimise

RESULT = "result"  # what the compiler calls the output of a model that has one
LAWS = ("simplify", "axes", "cse", "dce")  # passes that make a file easier to read


def onnx_model(program: Program, model: str) -> OnnxModel:
    """The file of a model, without the numbers of its weights.

    Raises `CompileError` where something has no counterpart.
    """
    assert program.checks is not None, "a program has the graphs that it is checked against"
    graph = program.checks.graphs[program.models[model]]
    graph = optimise(graph, {*ALGEBRA} - {*LAWS})
    found = onnx_graph(graph, model, program.inputs[model])
    texts = {"gradc.spec": program.source, "gradc.name": program.name, "gradc.model": model}
    return OnnxModel(graph=found, functions=functions_of(found.nodes), texts=texts)


def onnx_graph(graph: Graph, model: str, declared: Mapping[str, TensorType]) -> OnnxGraph:
    """The graph of a model as one of ONNX; its inputs are those that the author declared."""
    writer = GraphWriter(scope=model)
    for key in declared:
        writer.names.new(key)
    wanted = {key: writer.names.new(model if key == RESULT else str(key)) for key in graph.results}
    times = Times.of(writer, declared, times_of(graph, declared))
    live = graph.reachable(graph.results.values())
    users = {i: [u for u in readers if u in live] for i, readers in graph.users.items()}
    c = ExportContext(writer=writer, times=times, graph=graph, model=model, users=users)
    for group in in_order(graph):
        if group[0] in live:
            write_group(c, group)
    outputs, nodes = outputs_of(c, wanted)
    inputs = [input_of(c, key, type) for key, type in declared.items()] + times.inputs()
    return finished(c, inputs, outputs, used(nodes, [value.name for value in outputs]))


def finished(
    c: ExportContext, inputs: Sequence[OnnxValue], outputs: Sequence[OnnxValue],
    nodes: tuple[OnnxNode, ...],
) -> OnnxGraph:  # fmt: skip
    """The graph of these nodes, with what they read and nothing else."""
    read = {name for node in nodes for name in node.reads}
    made = {name for node in nodes for name in node.outputs} - {value.name for value in outputs}
    known = {x.name: value_of(c, x) for x in c.tensors.values() if x.name in made}
    return OnnxGraph(
        name=c.model, inputs=tuple(inputs), outputs=tuple(outputs), nodes=nodes,
        constants={name: array for name, array in c.writer.constants.items() if name in read},
        weights={key: value for key, value in c.weights.items() if value.name in read},
        values=tuple(known.values()),
    )  # fmt: skip


def times_of(graph: Graph, declared: Mapping[str, TensorType]) -> list[Time]:
    """The times of a model, those of its inputs first."""
    own = [n.op.time if isinstance(n.op, Length) else n.type.time for n in graph.nodes]
    found = dict.fromkeys([*(type.time for type in declared.values()), *own])
    return [time for time in found if time is not None]


def write_group(c: ExportContext, group: list[int]) -> None:
    """The tensors of one node, or of the nodes of a recurrence."""
    node = c.graph[group[0]]
    c.at(node)
    loop = node.op.carried_by
    if len(group) > 1 or (loop is not None and c.graph.carries[loop] == node.id):
        recurrence(c, group)
    elif isinstance(node.op, Previous):
        start, carried = c.tensors[node.inputs[0]], c.tensors[c.graph.carries[node.op.loop]]
        c.tensors[node.id] = shifted(c, node, start, carried)
    else:
        c.tensors[node.id] = tensor_of(c, node)


def input_of(c: ExportContext, key: str, type: TensorType) -> OnnxValue:
    """An input as the author declared it."""
    lead = 1 if type.time is None else 2
    return OnnxValue(key, element_of(type), c.times.sizes(type, lead), f"{key} : {type}")


def value_of(c: ExportContext, x: Tensor) -> OnnxValue:
    """The ONNX description of a tensor: its name, kind and sizes."""
    return OnnxValue(x.name, element_of(x.type), c.times.sizes(x.type, x.lead))


def outputs_of(
    c: ExportContext, wanted: Mapping[OutputKey, str]
) -> tuple[tuple[OnnxValue, ...], tuple[OnnxNode, ...]]:
    """The outputs, each under the author's name, and the nodes that make them so."""
    found, names = [], dict[str, str]()
    for key, id in c.graph.results.items():
        x = c.tensors[id]
        x = x if x.lead else repeated(c, x)
        inside = only_inside(c, x) if x.lead == 2 else x.name
        made = any(inside in node.outputs for node in c.writer.nodes) and inside not in names
        own = inside if made else c.writer.add("Identity", inside)
        names[own] = wanted[key]
        sizes, note = c.times.sizes(x.type, x.lead), f"{wanted[key]} : {x.type}"
        found.append(OnnxValue(wanted[key], element_of(x.type), sizes, note))
    return tuple(found), renamed(c.writer.nodes, names)
