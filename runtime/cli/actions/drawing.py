"""A graph in DOT, the language of Graphviz: inputs, parameters and results stand out."""

from __future__ import annotations

import json
from subprocess import run

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_runtime.cli.faults import Refused

STYLES: dict[type, str] = {
    Input: "shape=ellipse,style=filled,fillcolor=lightblue",
    PersistentOp: "shape=ellipse,style=filled,fillcolor=lightyellow",
    Constant: "shape=plaintext",
}
PLAIN = "shape=box"


def dot(name: str, graph: Graph) -> str:
    """One digraph; an edge for each time an operand is read."""
    lines = [f"digraph {quoted(name)} {{", "  rankdir=TB;"]
    lines += [f"  n{node.id} [label={label(node)},{style(node)}];" for node in graph.nodes]
    lines += [f"  n{i} -> n{node.id};" for node in graph.nodes for i in node.inputs]
    for number, (output, id) in enumerate(graph.outputs.items()):
        lines.append(f"  out{number} [label={quoted(str(output))},shape=ellipse,peripheries=2];")
        lines.append(f"  n{id} -> out{number};")
    return "\n".join([*lines, "}"]) + "\n"


def label(node: Node) -> str:
    """A node's name or operator, and its type."""
    match node.op:
        case Constant(value=value):
            return quoted(f"{value:g}")
        case Input(key=key) | PersistentOp(key=key):
            return quoted(f"{key}\n{node.type}")
        case op:
            named = f"{node.name} = " if node.name else ""
            return quoted(f"{named}{op.name}\n{node.type}")


def style(node: Node) -> str:
    """How a kind of node is drawn."""
    return STYLES.get(type(node.op), PLAIN)


def quoted(text: str) -> str:
    """A string of DOT: the escapes that JSON and DOT share."""
    return json.dumps(text)


def as_svg(picture: str) -> str:
    """A picture drawn by Graphviz.

    Raises `Refused` where that is not installed.
    """
    try:
        done = run(["dot", "-Tsvg"], input=picture, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise Refused(
            "--format svg needs Graphviz (apt install graphviz); --format dot needs nothing"
        ) from None
    return done.stdout
