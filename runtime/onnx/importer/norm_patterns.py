"""Softmax and layer normalization found among the nodes that an exporter split them into.

    softmax:     e = exp(x - max(x)),  e / sum(e)                             along one axis
    layer norm:  d = x - mean(x),  d / sqrt(mean(d^2) + eps) * gamma + beta   along the last

A mean is `ReduceMean`, or a sum over a number.  What is reduced keeps its axis, or has it put back.
The last node of such a pattern becomes the operator, and what nothing else reads goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.imported_graph import GraphNode, ImportedGraph

Reduced = tuple[str, int]  # a name, and the axis along which it is reduced
MODERN = 13  # the version from which `Softmax` goes along one axis


def with_norms(graph: ImportedGraph) -> ImportedGraph:
    """The graph with these operators in place of what they were split into."""
    if any(isinstance(a, ImportedGraph) for n in graph.nodes for a in n.attributes.values()):
        return graph  # a branch may read what looks unread
    found = NormPatterns(graph)
    try:
        nodes = [found.softmax(node) or found.layer_norm(node) or node for node in graph.nodes]
    except (LookupError, TypeError, ValueError):
        return graph  # some node lacks what it needs, which its rule will say
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        return graph
    return replace(graph, nodes=read_nodes(nodes, graph.outputs))


def read_nodes(nodes: Sequence[GraphNode], outputs: Sequence[str]) -> list[GraphNode]:
    """The nodes on the way to the outputs."""
    read, found = {*outputs}, list[GraphNode]()
    for node in reversed(nodes):
        if read & {*node.outputs}:
            read |= {*node.inputs}
            found.append(node)
    return found[::-1]


@dataclass(frozen=True)
class NormPatterns:
    """The nodes of a graph by what they give, and what they are together."""

    graph: ImportedGraph

    @cached_property
    def makers(self) -> Mapping[str, GraphNode]:
        """The node that gives each name."""
        return {name: node for node in self.graph.nodes for name in node.outputs if name}

    def made_by(self, name: str, *operators: str) -> GraphNode | None:
        """The node that gives a name, if it is one of these operators."""
        node = self.makers.get(name)
        return node if node is not None and node.op in operators and not node.domain else None

    def known(self, name: str) -> np.ndarray | None:
        """The numbers of an initializer or of a constant."""
        node = self.made_by(name, "Constant")
        found = self.graph.initializers.get(name) if node is None else node.attributes.get("value")
        return found if isinstance(found, np.ndarray) else None

    def number(self, name: str) -> float | None:
        """A single number that is known."""
        array = self.known(name)
        return float(array.reshape(())) if array is not None and array.size == 1 else None

    def softmax(self, node: GraphNode) -> GraphNode | None:
        """e / sum(e) of e = exp(x - max(x)), as one node."""
        e = self.made_by(node.inputs[0], "Exp") if node.op == "Div" else None
        shifted = None if e is None else self.made_by(e.inputs[0], "Sub")
        if shifted is None or node.opset < MODERN:
            return None
        total = self.kept(node.inputs[1], "ReduceSum")
        peak = self.kept(shifted.inputs[1], "ReduceMax")
        if total is None or peak is None or total[0] != node.inputs[0]:
            return None
        if peak != (shifted.inputs[0], total[1]):
            return None
        return replace(node, op="Softmax", inputs=peak[:1], attributes={"axis": peak[1]})

    def layer_norm(self, node: GraphNode) -> GraphNode | None:
        """d / sqrt(mean(d^2) + eps) * gamma + beta of d = x - mean(x), as one node."""
        scaled, beta = self.beside_vector(node, "Add")
        normal, gamma = (None, "") if scaled is None else self.beside_vector(scaled, "Mul")
        if normal is None or normal.op != "Div":
            return None
        d, root = self.made_by(normal.inputs[0], "Sub"), self.made_by(normal.inputs[1], "Sqrt")
        above = None if root is None else self.made_by(root.inputs[0], "Add")
        if d is None or above is None:
            return None
        size, eps = self.graph.initializers[gamma].size, self.number(above.inputs[1])
        square, mean = self.mean(above.inputs[0], size), self.mean(d.inputs[1], size)
        if None in (eps, square, mean) or mean != d.inputs[0]:
            return None
        if not self.is_square(square, normal.inputs[0]):
            return None
        inputs = (d.inputs[0], gamma, beta)
        attributes = {"axis": -1, "epsilon": eps}
        return replace(node, op="LayerNormalization", inputs=inputs, attributes=attributes)

    def beside_vector(self, node: GraphNode, op: str) -> tuple[GraphNode | None, str]:
        """What a node adds or multiplies a learnt vector to, and the vector."""
        if node.op != op or len(node.inputs) != 2:
            return None, ""
        for name, other in (node.inputs, node.inputs[::-1]):
            array = self.graph.initializers.get(name)
            if array is not None and array.ndim == 1 and array.dtype.kind == "f":
                return self.makers.get(other), name
        return None, ""

    def is_square(self, name: str | None, d: str) -> bool:
        """Whether a value is d * d, or d to the power of 2."""
        node = None if name is None else self.made_by(name, "Mul", "Pow")
        if node is None or node.inputs[0] != d:
            return False
        return node.inputs[1] == d if node.op == "Mul" else self.number(node.inputs[1]) == 2

    def mean(self, name: str, size: int) -> str | None:
        """What a value is the mean of along its last axis, which has so many numbers."""
        found = self.kept(name, "ReduceMean") or self.kept_quotient(name, size)
        back = self.made_by(name, "Reshape")
        return found[0] if found is not None and (found[1] == -1 or back is not None) else None

    def kept_quotient(self, name: str, size: int) -> Reduced | None:
        """The sum over the number of its terms, with its axis put back after that."""
        back = self.made_by(name, "Reshape", "Unsqueeze")
        node = None if back is None else self.made_by(back.inputs[0], "Div")
        if back is None or node is None or self.number(node.inputs[1]) != size:
            return None
        return self.reduced(node.inputs[0], "ReduceSum", back)

    def kept(self, name: str, op: str) -> Reduced | None:
        """What a value is a reduction of that keeps its axis, or has it put back."""
        back = self.made_by(name, "Reshape", "Unsqueeze")
        return self.reduced(name if back is None else back.inputs[0], op, back)

    def reduced(self, name: str, op: str, back: GraphNode | None) -> Reduced | None:
        """What a value is reduced from along one axis, which it keeps, or `back` puts back."""
        node = self.made_by(name, op)
        if node is None or bool(node.attributes.get("keepdims", 1)) == (back is not None):
            return None
        given = self.known(node.inputs[1]) if len(node.inputs) > 1 else None
        axes = node.attributes.get("axes", []) if given is None else given.reshape(-1).tolist()
        if len(axes) != 1 or (back is not None and not self.puts_back(back, int(axes[0]))):
            return None
        return node.inputs[0], int(axes[0])

    def puts_back(self, node: GraphNode, axis: int) -> bool:
        """Whether a node gives the axis that was reduced a size of 1."""
        array = self.known(node.inputs[1]) if len(node.inputs) > 1 else None
        places = [] if array is None else array.reshape(-1).tolist()
        if node.op == "Unsqueeze":
            return places == [axis]
        return axis in (len(places) - 1, -1) and places[-1:] == [1]
