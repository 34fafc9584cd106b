"""The verifier names the node and the pass that broke a graph."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.ops.shape import Reshape

GRAPH = parse_graph("%0 = input{key='x', shape=(2, 3)}; %1 = exp %0; %2 = neg %1; return a=%2")


def broken(at: int, outputs: dict[str, int] | None = None, **changes: object) -> Graph:
    nodes = [replace(n, **changes) if n.id == at else n for n in GRAPH.nodes]
    return Graph(tuple(nodes), outputs or GRAPH.outputs)


def test_a_sound_graph_is_returned() -> None:
    assert verify(GRAPH) is GRAPH


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (broken(1, id=5), "after fuse: %5 = exp stands at position 1"),
        (broken(1, inputs=(2,)), "after fuse: %1 = exp reads a later node"),
        (broken(1, inputs=(1,)), "after fuse: %1 = exp reads a later node"),
        (broken(1, inputs=(-1,)), "after fuse: %1 = exp reads a later node"),
        (
            broken(2, type=TensorType((3, 2))),
            "after fuse: %2 = neg has type [3, 2], its operator gives [2, 3]",
        ),
        (
            broken(2, op=Reshape((4,)), type=TensorType((4,))),
            "after fuse: %2 = reshape: [2, 3] has 6 elements, [4] 4",
        ),
        (broken(2, {"a": 7}), "after fuse: output a is not a node"),
        (broken(2, {"a": -1}), "after fuse: output a is not a node"),
    ],
)
@pytest.mark.parametrize("known", [None, GRAPH])
def test_a_broken_graph_is_named(graph: Graph, message: str, known: Graph | None) -> None:
    with pytest.raises(AssertionError) as caught:
        verify(graph, after="fuse", known=known)
    assert str(caught.value) == message


def test_a_known_node_that_meets_another_type_is_asked_again() -> None:
    wide = parse_graph("%0 = input{key='x', shape=(3, 2)}; %1 = exp %0; return a=%1")
    graph = Graph((*wide.nodes, GRAPH.nodes[2]), GRAPH.outputs)
    with pytest.raises(AssertionError, match="%2 = neg has type"):
        verify(graph, after="fuse", known=GRAPH)


def test_a_known_graph_is_sound() -> None:
    assert verify(GRAPH, known=GRAPH) is GRAPH


def test_too_many_operands_are_a_fault_too() -> None:
    with pytest.raises(AssertionError, match="after fuse: %2 = neg"):
        verify(broken(2, inputs=(0, 1)), after="fuse")
