"""Joins nodes that exporters split, before rules see them, and finds inputs that are labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradc_runtime.onnx.importer.imported_graph import GraphNode, ImportedGraph


def readers_of(graph: ImportedGraph) -> Counter[str]:
    """How often each name is read."""
    found = Counter(i for node in graph.nodes for i in node.inputs if i)
    found.update(graph.outputs)
    return found


def with_dense_layers(graph: ImportedGraph) -> ImportedGraph:
    """`Add(MatMul(x, W), b)` of learnt W and b as one node: W x + b for every vector of x."""
    readers, learnt = readers_of(graph), with_transposed(graph)
    products = {
        node.outputs[0]: node for node in graph.nodes
        if node.op == "MatMul" and readers[node.outputs[0]] == 1 and is_own(learnt, node, 1, 2)
    }  # fmt: skip
    nodes: list[GraphNode] = []
    for node in graph.nodes:
        product = next((products[i] for i in node.inputs if i in products), None)
        if node.op == "Add" and product is not None and len(node.inputs) == 2:
            k = 1 - node.inputs.index(product.outputs[0])
            units = learnt[product.inputs[1]].shape[1]
            if is_own(learnt, node, k, 1) and learnt[node.inputs[k]].size == units:
                inputs = (*product.inputs, node.inputs[k])
                node = replace(node, op="Gemm", inputs=inputs, attributes={})
                nodes.remove(product)
        nodes.append(node)
    return replace(graph, nodes=nodes)


def with_transposed(graph: ImportedGraph) -> Mapping[str, np.ndarray]:
    """The initializers, and matrices among them that are transposed before they are used."""
    turned = [n for n in graph.nodes if n.op == "Transpose" and n.inputs and n.outputs]
    arrays = {n.outputs[0]: graph.initializers.get(n.inputs[0], np.zeros(0)) for n in turned}
    return {**graph.initializers, **{name: a.T for name, a in arrays.items() if a.ndim == 2}}


def is_own(learnt: Mapping[str, np.ndarray], node: GraphNode, k: int, rank: int) -> bool:
    """Whether operand k is a parameter of this rank; that another reads it is seen later."""
    array = learnt.get(node.inputs[k]) if len(node.inputs) > k else None
    return array is not None and array.ndim == rank and array.dtype.kind == "f"


def label_inputs(graph: ImportedGraph) -> Mapping[str, int]:
    """Inputs that are used only to choose rows of tables, with the number of rows."""
    tables: dict[str, set[int]] = {}
    others = set[str](graph.outputs)
    for node in graph.nodes:
        for k, name in enumerate(node.inputs):
            table = graph.initializers.get(node.inputs[0]) if node.inputs else None
            first = node.attributes.get("axis", 0) == 0
            if node.op == "Gather" and k == 1 and first and is_table(table):
                assert table is not None
                tables.setdefault(name, set()).add(len(table))
            else:
                others.add(name)
    return {
        i.name: tables[i.name].copy().pop() for i in graph.inputs
        if i.kind.kind in "iu" and i.name not in others and len(tables.get(i.name, ())) == 1
    }  # fmt: skip


def is_table(table: np.ndarray | None) -> bool:
    """Whether an initializer has a row for each class."""
    return table is not None and table.ndim == 2 and table.dtype.kind == "f"
