"""Records of ONNX as protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.onnx.records import (
    DOMAIN,
    OnnxFunction,
    OnnxGraph,
    OnnxModel,
    OnnxNode,
    OnnxValue,
)
from gradc_runtime.onnx.package import onnx_package


def protobuf_of(model: OnnxModel, weights: Mapping[str, np.ndarray]) -> Any:
    """The file of a model, with weights by the names that a session has for them."""
    helper, defs = onnx_package("onnx.helper"), onnx_package("onnx.defs")
    opset = min(model.opset, defs.onnx_opset_version())
    domains = [helper.make_opsetid("", opset)]
    if model.functions:
        domains.append(helper.make_opsetid(DOMAIN, 1))
    made = helper.make_model(
        graph_of(model.graph, weights),
        opset_imports=domains,
        functions=[function_of(f, opset) for f in model.functions],
        ir_version=helper.find_min_ir_version_for(domains, ignore_unknown=True),
        producer_name="gradc",
    )
    helper.set_model_props(made, dict(model.texts))
    return made


def graph_of(graph: OnnxGraph, weights: Mapping[str, np.ndarray]) -> Any:
    """A graph with its initializers: weights, then constants."""
    helper, arrays = onnx_package("onnx.helper"), onnx_package("onnx.numpy_helper")
    named = {value.name: weights[key] for key, value in graph.weights.items()}
    return helper.make_graph(
        [node_of(node) for node in graph.nodes],
        graph.name,
        [value_of(value) for value in graph.inputs],
        [value_of(value) for value in graph.outputs],
        [arrays.from_array(array, name) for name, array in {**named, **graph.constants}.items()],
        value_info=[value_of(value) for value in graph.values],
    )


def value_of(value: OnnxValue) -> Any:
    """The type of a tensor."""
    make = onnx_package("onnx.helper").make_tensor_value_info
    return make(value.name, int(value.element), value.sizes, doc_string=value.note)


def node_of(node: OnnxNode) -> Any:
    """A node, with the graphs inside it."""
    attributes = {name: attribute_of(value) for name, value in node.attributes.items()}
    return onnx_package("onnx.helper").make_node(
        node.operator, node.inputs, node.outputs, node.name or None, node.note or None,
        node.domain or None, **attributes,
    )  # fmt: skip


def attribute_of(value: Any) -> Any:
    """The value of an attribute: a graph, a tensor, or what needs no other form."""
    if isinstance(value, OnnxGraph):
        return graph_of(value, {})
    if isinstance(value, np.ndarray):
        return onnx_package("onnx.numpy_helper").from_array(value)
    return value


def function_of(function: OnnxFunction, opset: int) -> Any:
    """An operator that the file defines."""
    helper = onnx_package("onnx.helper")
    made = helper.make_function(
        DOMAIN, function.name, function.inputs, function.outputs,
        [node_of(node) for node in function.nodes],
        [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, 1)],
    )  # fmt: skip
    made.doc_string = function.note
    return made
