"""Operators that ONNX itself defines by simpler ones, and functions that a model brings along.

Where there is no rule for an operator, its definition is imported in its place, as if the exporter
had written it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TypeProto, defs, helper

from gradc_runtime.onnx.importer.atoms import is_free, size_of
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.imported_graph import GraphNode, ImportedGraph, function_graph
from gradc_runtime.onnx.importer.read_model import PARSER

SCHEMAS: Any = defs  # without types


def function_body(
    node: GraphNode, inputs: Sequence[GraphValue | None], own: Mapping[tuple[str, str], Any]
) -> ImportedGraph | None:
    """The definition of a node's operator, or None where it has none."""
    found = own.get((node.domain, node.op))
    if found is None and node.domain in ("", "ai.onnx"):
        found = standard_function(node, inputs)
    return None if found is None else function_graph(found, node.attributes, node.opset)


def standard_function(node: GraphNode, inputs: Sequence[GraphValue | None]) -> Any:
    """ONNX's own definition, for operands of these kinds."""
    try:
        schema = SCHEMAS.get_schema(node.op, node.opset, "")
    except SCHEMAS.SchemaError:
        return None
    if schema.has_function:
        return schema.function_body
    if not schema.has_context_dependent_function:
        return None
    made = helper.make_node(node.op, node.inputs, node.outputs, **plain_attributes(node))
    body = schema.get_context_dependent_function(
        made.SerializeToString(), [type_of(v).SerializeToString() for v in inputs]
    )
    if not body:
        return None
    function = PARSER.FunctionProto()
    function.ParseFromString(body)
    return function


def plain_attributes(node: GraphNode) -> dict[str, Any]:
    """Attributes as `helper` takes them."""
    return {
        name: value for name, value in node.attributes.items()
        if not isinstance(value, ImportedGraph | np.ndarray)
    }  # fmt: skip


def type_of(value: GraphValue | None) -> Any:
    """The type of an operand; an empty one where it is left out."""
    if value is None:
        return TypeProto()
    kind = helper.np_dtype_to_tensor_dtype(value.kind)
    sizes = [None if is_free(axis) else size_of(axis) for axis in value.axes]
    return helper.make_tensor_type_proto(kind, sizes)
