"""A graph as a picture in SVG, for a notebook: no library, no script, no text that is markup."""

from __future__ import annotations

from html import escape

from gradc_compiler.explorer.layers import Drawing, layered
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp

MOST = 300  # nodes that a picture has room for
CHARACTER, LINE, EDGE = 7.2, 16.0, 10.0
LONGEST = 34  # characters of a line
RULES = (  # of this picture alone: a notebook has one page for all
    "text{font:12px ui-monospace,monospace;fill:#1d2433}",
    "rect{fill:#fff;stroke:#1f5fa8}",
    ".leaf{fill:#e8f0fa}",
    ".kept{fill:#f0eafa;stroke:#6b4fa0}",
    ".back{stroke:#a33c1f;stroke-dasharray:6 3}",
    "path{fill:none;stroke:#5c6575}",
)
STYLE = "".join(f".gradc-graph {rule}" for rule in RULES)


def graph_svg(graph: Graph) -> str:
    """A picture of a graph from inputs down to results; constants stand in their readers' boxes.

    What differentiation made has a broken outline.  Of a graph of more than `MOST` nodes only that
    is said.
    """
    used = graph.reachable(graph.outputs.values())
    shown = [n for n in graph.nodes if n.id in used and not isinstance(n.op, Constant)]
    if len(shown) > MOST:
        return _said(f"a graph of {len(shown):,} nodes: too many for one picture")
    results = {id: str(key) for key, id in graph.results.items()}
    texts = {node.id: _texts(node, graph, results) for node in shown}
    sizes = {id: _size(lines) for id, lines in texts.items()}
    reads = {n.id: [i for i in dict.fromkeys(n.inputs) if i in texts] for n in shown}
    drawing = layered(reads, sizes)
    edges = [_edge(drawing, sizes, i, id) for id, read in reads.items() for i in read]
    boxes = [_box(drawing, sizes[n.id], n, texts[n.id]) for n in shown]
    return _svg(drawing.width, drawing.height, [*edges, *boxes])


def _texts(node: Node, graph: Graph, results: dict[int, str]) -> list[str]:
    """What stands in a box: a name or an operator with its numbers, the type, what it gives."""
    match node.op:
        case Input(key=key) | PersistentOp(key=key):
            said = key
        case op:
            operands = [graph[i].op for i in node.inputs]
            numbers = [f"{one.value:g}" for one in operands if isinstance(one, Constant)]
            said = f"{op.name} {', '.join(numbers)}".rstrip()
    given = [f"= {results[node.id]}"] if node.id in results else []
    return [line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
            for line in (said, str(node.type), *given)]  # fmt: skip


def _size(lines: list[str]) -> tuple[float, float]:
    return max(map(len, lines)) * CHARACTER + 2 * EDGE, len(lines) * LINE + EDGE


def _box(drawing: Drawing, size: tuple[float, float], node: Node, lines: list[str]) -> str:
    """A box with its lines; its class says what kind it is."""
    (x, y), (width, height) = drawing.places[node.id], size
    kinds = [
        {Input: "leaf", PersistentOp: "kept"}.get(type(node.op), "operator"),
        "back" if node.origin is not None else "forward",
    ]
    top = y - height / 2
    said = "".join(
        f'<text x="{x:.1f}" y="{top + LINE * (k + 1):.1f}" text-anchor="middle">'
        f"{escape(line)}</text>"
        for k, line in enumerate(lines)
    )
    return (
        f'<rect class="{" ".join(kinds)}" x="{x - width / 2:.1f}" y="{top:.1f}"'
        f' width="{width:.1f}" height="{height:.1f}" rx="4"/>{said}'
    )


def _edge(drawing: Drawing, sizes: dict[int, tuple[float, float]], above: int, below: int) -> str:
    """A curve from the foot of one box to the head of another, between those on its way."""
    (x0, y0), (x1, y1) = drawing.places[above], drawing.places[below]
    y0, y1 = y0 + sizes[above][1] / 2, y1 - sizes[below][1] / 2
    path = f"M{x0:.1f} {y0:.1f}"
    for x, y in (*drawing.routes[above, below], (x1, y1)):
        half = (y0 + y) / 2
        path += f"C{x0:.1f} {half:.1f} {x:.1f} {half:.1f} {x:.1f} {y:.1f}"
        x0, y0 = x, y
    return f'<path d="{path}" marker-end="url(#to)"/>'


def _said(words: str) -> str:
    return _svg(len(words) * CHARACTER, LINE, [f'<text x="0" y="12">{escape(words)}</text>'])


def _svg(width: float, height: float, parts: list[str]) -> str:
    """The picture, with room about it."""
    head = (
        '<marker id="to" viewBox="0 0 7 7" refX="6.5" refY="3.5" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0L7 3.5L0 7z" style="fill:#5c6575"/></marker>'
    )
    return (
        f'<svg class="gradc-graph" xmlns="http://www.w3.org/2000/svg" width="{width + 20:.0f}"'
        f' height="{height + 20:.0f}" viewBox="-10 -10 {width + 20:.1f} {height + 20:.1f}">'
        f"<style>{STYLE}</style><defs>{head}</defs>{''.join(parts)}</svg>"
    )
