"""Which layers read an image that was flattened, and its shape [h, w, c].

PyTorch flattens [c, h, w], so the columns of such a layer's matrix stand there in another order.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.shape import Reshape

Image = tuple[int, int, int]  # height, width, channels
IMAGE = 3  # axes


def flattened_images(graphs: Iterable[Graph]) -> dict[str, Image]:
    """By layer, the image whose numbers are the columns of its matrix `W`."""
    return {layer: image for graph in graphs for layer, image in _in_graph(graph).items()}


def _in_graph(graph: Graph) -> dict[str, Image]:
    found: dict[str, Image] = {}
    for node in graph.nodes:
        factors = [graph[i] for i in node.inputs]
        weights = [f for f in factors if f.op.name == "persistent" and f.type.rank == 2]
        if node.op.name == "contract" and len(factors) == 2 and len(weights) == 1:
            (other,) = [f for f in factors if f is not weights[0]]
            layer, _, leaf = getattr(weights[0].op, "key", "").rpartition(".")
            image = _image_behind(graph, other)
            if leaf == "W" and image is not None:
                found[layer] = image
    return found


def _image_behind(graph: Graph, node: Node) -> Image | None:
    """The shape of an image that a vector is, through views and elementwise operators."""
    size = node.type.size
    while isinstance(node.op, Elementwise | Reshape):
        inputs = [graph[i] for i in node.inputs if graph[i].type.size == size]
        if not inputs:
            return None
        node = inputs[0]
        if node.type.rank == IMAGE:
            h, w, c = node.type.shape
            return h, w, c
    return None
