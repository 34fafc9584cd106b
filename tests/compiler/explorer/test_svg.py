"""Pictures of graphs: every box stands apart, below what it reads; no name is markup."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from gradc_compiler.explorer.layers import Drawing, layered
from gradc_compiler.explorer.svg import MOST, graph_svg
from gradc_compiler.graph.graph import Builder
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compile_file
from tests.runtime.cli.calling import SPECS

DIAMOND = {0: [], 1: [0], 2: [0], 3: [1, 2], 4: [3, 0]}
NAMES = {"house", "circle", "memory", "vae"}


def apart(drawing: Drawing, sizes: dict[int, tuple[float, float]]) -> bool:
    """Whether no two boxes touch."""
    return all(
        abs(drawing.places[a][0] - drawing.places[b][0]) >= (sizes[a][0] + sizes[b][0]) / 2
        or abs(drawing.places[a][1] - drawing.places[b][1]) >= (sizes[a][1] + sizes[b][1]) / 2
        for a, b in combinations(sizes, 2)
    )


def test_boxes_stand_apart_and_edges_go_between_them() -> None:
    sizes = {node: (60.0 + 10 * node, 30.0) for node in DIAMOND}
    drawing = layered(DIAMOND, sizes)
    assert apart(drawing, sizes)
    for node, read in DIAMOND.items():
        assert all(drawing.places[i][1] < drawing.places[node][1] for i in read)
    assert len(drawing.routes[0, 4]) == 2, "through the rows of 1 and 2, and of 3"
    for x, y in drawing.routes[0, 4]:
        over = [n for n in DIAMOND if drawing.places[n][1] == y]
        assert all(abs(drawing.places[n][0] - x) > sizes[n][0] / 2 for n in over)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_graphs_of_specs(name: str) -> None:
    graph = compile_file(SPECS / f"{name}.nn").graph()
    root = ElementTree.fromstring(graph_svg(graph))
    boxes = [e for e in root.iter() if e.tag.endswith("rect")]
    assert len(boxes) > 5 and {"leaf forward", "kept forward"} <= {e.get("class") for e in boxes}
    assert any("back" in str(e.get("class")) for e in boxes)


def test_names_are_texts() -> None:
    builder = Builder()
    x = builder.add(Input('<script>alert("&")</script>', (2,)))
    found = graph_svg(builder.graph({"<b>": (x + x).id}))
    root = ElementTree.fromstring(found)
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert '<script>alert("&")</script>' in texts and "<script" not in found


def test_a_large_graph_is_only_counted() -> None:
    builder = Builder()
    x = builder.add(Input("x", (2,)))
    for _ in range(MOST):
        x = x + x
    found = graph_svg(builder.graph({"y": x.id}))
    assert re.search(rf"a graph of {MOST + 1} nodes", found) and "<rect" not in found
