"""A graph as the importer sees it: nodes in order, attributes as Python's values, sizes checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.read_model import PARSER, checked_shape, kind_of, tensor_array
from gradc_runtime.system.errors import DataError

Size = int | str  # a symbol; "" where nothing is said
OPSETS = range(7, 29)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphInput:
    """An input: its kind and shape."""

    name: str
    kind: np.dtype[Any]
    shape: tuple[Size, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """A node of the graph, with its inputs, outputs and attributes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int
    domain: str = ""
    name: str = ""

    @property
    def place(self) -> str:
        """How an error message refers to the node."""
        return f"{self.op} {self.name or ' '.join(self.outputs[:1])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedGraph:
    """A graph whose nodes stand after what they read."""

    inputs: Sequence[GraphInput]
    outputs: Sequence[str]
    nodes: Sequence[GraphNode]
    initializers: Mapping[str, np.ndarray]
    parameters: Sequence[str] = ()  # of a function
    functions: Mapping[tuple[str, str], Any] = field(default_factory=dict)  # of the model: protobuf


def graph_of(model: Any, folder: Path | None, sizes: Mapping[str, int]) -> ImportedGraph:
    """The main graph of a model.

    Raises `DataError` for what is damaged, or is no graph of tensors.
    """
    opset = opset_of(model)
    graph = model.graph
    if graph.sparse_initializer:
        raise DataError("sparse tensors are not supported")
    initializers = {t.name: tensor_array(t, folder) for t in graph.initializer}
    nodes = [node_of(node, opset, folder) for node in graph.node]
    return ImportedGraph(
        inputs=[input_of(i, sizes) for i in graph.input if i.name not in initializers],
        outputs=[o.name for o in graph.output],
        nodes=in_order(nodes),
        initializers=initializers,
        functions={(f.domain, f.name): f for f in model.functions},
    )


def inner_graph(graph: Any, opset: int, folder: Path | None) -> ImportedGraph:
    """The graph of a branch of a node."""
    return ImportedGraph(
        inputs=[],
        outputs=[o.name for o in graph.output],
        nodes=in_order([node_of(node, opset, folder) for node in graph.node]),
        initializers={t.name: tensor_array(t, folder) for t in graph.initializer},
    )


def function_graph(function: Any, attributes: Mapping[str, Any], opset: int) -> ImportedGraph:
    """The body of a function, for a call with these attributes."""
    for given in function.attribute_proto:
        attributes = {given.name: attribute(given, opset, None), **attributes}
    versions = [o.version for o in function.opset_import if o.domain in ("", "ai.onnx")]
    version = int(versions[0]) if versions else opset
    nodes = [node_of(node, version, None, attributes) for node in function.node]
    return ImportedGraph(
        inputs=[], outputs=list(function.output), nodes=in_order(nodes), initializers={},
        parameters=list(function.input),
    )  # fmt: skip


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators.

    Raises `DataError` for one that is too old or unknown.
    """
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    version = int(versions[0]) if versions else 1
    if version not in OPSETS:
        raise DataError(f"opset {version} is not between {OPSETS[0]} and {OPSETS[-1]}")
    return version


def input_of(given: Any, sizes: Mapping[str, int]) -> GraphInput:
    """An input with its sizes.

    Raises `DataError` for one that is no tensor.
    """
    what = given.type.WhichOneof("value")
    if what != "tensor_type":
        raise DataError(f"input {given.name} is no tensor ({what or 'without a type'})")
    kind = kind_of(given.type.tensor_type.elem_type, f"input {given.name}")
    shape: list[Size] = []
    for dim in given.type.tensor_type.shape.dim:
        symbol = dim.WhichOneof("value")
        size = dim.dim_value if symbol == "dim_value" else sizes.get(dim.dim_param, dim.dim_param)
        shape.append(size)
    checked_shape([s for s in shape if isinstance(s, int)], kind.itemsize, f"input {given.name}")
    return GraphInput(name=given.name, kind=kind, shape=tuple(shape))


def node_of(
    node: Any, opset: int, folder: Path | None, outer: Mapping[str, Any] | None = None
) -> GraphNode:
    """A node with its attributes; in a function, some are those of the call."""
    attributes = {}
    for given in node.attribute:
        if not given.ref_attr_name:
            attributes[given.name] = attribute(given, opset, folder)
        elif outer is not None and given.ref_attr_name in outer:
            attributes[given.name] = outer[given.ref_attr_name]
    return GraphNode(
        op=node.op_type, inputs=tuple(node.input), outputs=tuple(node.output),
        attributes=attributes, opset=opset, domain=node.domain, name=node.name,
    )  # fmt: skip


def attribute(given: Any, opset: int, folder: Path | None) -> Any:
    """The value of an attribute: a number, a text, an array, or a list of numbers or texts.

    Raises `DataError` for a graph within a node.
    """
    kinds = PARSER.AttributeProto
    match given.type:
        case kinds.FLOAT:
            return given.f
        case kinds.INT:
            return int(given.i)
        case kinds.STRING:
            return given.s.decode("utf-8", "replace")
        case kinds.TENSOR:
            return tensor_array(given.t, folder)
        case kinds.FLOATS:
            return list(given.floats)
        case kinds.INTS:
            return [int(i) for i in given.ints]
        case kinds.STRINGS:
            return [s.decode("utf-8", "replace") for s in given.strings]
        case kinds.GRAPH:
            return inner_graph(given.g, opset, folder)
        case _:
            raise DataError(f"attribute {given.name} is of a kind without numbers")


def in_order(nodes: Sequence[GraphNode]) -> list[GraphNode]:
    """The nodes sorted so that each stands after those that it reads from.

    Raises `DataError` where they read one another in a circle, or give one name twice.
    """
    maker: dict[str, int] = {}
    for k, node in enumerate(nodes):
        for output in node.outputs:
            if output and output in maker:
                raise DataError(f"two nodes give {output}")
            maker[output] = k
    maker.pop("", None)
    before = {k: {maker[i] for i in n.inputs if i in maker} for k, n in enumerate(nodes)}
    if all(j < k for k, own in before.items() for j in own):
        return list(nodes)
    try:
        return [nodes[k] for k in TopologicalSorter(before).static_order()]
    except CycleError:
        raise DataError("the nodes of the graph read one another in a circle") from None
