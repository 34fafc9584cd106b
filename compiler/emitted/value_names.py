"""What values are called in source for people: as the author called them, or by their layer and
operator.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradc_compiler.emitted.distinct_names import DistinctNames
from gradc_compiler.emitted.plain_program import PlainProgram
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.ops.leaf import PersistentOp


def value_names(
    program: PlainProgram, storages: Iterable[StorageKey], names: DistinctNames
) -> dict[StorageKey, str]:
    """The names of buffers of the memory, each once."""
    layers, found = layers_of(program.graph), {}
    for key in storages:
        number = key[1]
        if key[0] == "node" and isinstance(number, int):
            found[key] = names.take(_called(program.graph[number], layers))
        else:
            found[key] = names.take(str(number))
    return found


def _called(node: Node, layers: dict[int, str]) -> str:
    """The name of a value, such as `hidden`, `conv1_product` or `d_conv1_product`."""
    derived = node.origin is not None and node.origin.cotangent is not None
    if node.name is not None and len(node.name) > 1 and not derived:
        return node.name
    op = {"contract": "product", "copy": "laid_out"}.get(node.op.name, node.op.name)
    parts = ["d"] if derived else []
    parts += [layers[node.id]] if node.id in layers else []
    return "_".join([*parts, op])


def layers_of(graph: Graph) -> dict[int, str]:
    """The layer whose parameters a value comes of, last of all: `conv1` of `digit.conv1.W`."""
    found: dict[int, str] = {}
    varying = graph.varying
    for node in graph.nodes:
        own = [graph[i].op for i in node.inputs]
        keys = [op.key.split(".") for op in own if isinstance(op, PersistentOp)]
        layers = [key[-2] for key in keys if len(key) > 2]
        nearest = sorted(node.inputs, key=lambda i: i in varying)  # weights first
        layers += [found[i] for i in nearest if i in found]
        if layers and not isinstance(node.op, PersistentOp):
            found[node.id] = layers[0]
    return found
