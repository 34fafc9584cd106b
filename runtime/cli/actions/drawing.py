"""A graph in DOT, the language of Graphviz: inputs, parameters and results stand out."""

from __future__ import annotations

import json
from subprocess import run

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_runtime.cli.faults import Refused

INPUT, PARAMETER, BACKWARD = "lightblue", "lightyellow", "mistyrose"
LEGEND = "blue: inputs, yellow: what persists, rose: backward, double: results"
OPEN = "\u00b7"  # an operand that an edge shows


def dot(name: str, graph: Graph) -> str:
    """One digraph of what is read; an edge for each time an operand is read, numbers in labels."""
    graph = eliminate_dead_code(graph)
    shown = [node for node in graph.nodes if not isinstance(node.op, Constant)]
    results = {*graph.outputs.values()}
    shown += [node for node in graph.nodes if isinstance(node.op, Constant) and node.id in results]
    lines = [f"digraph {quoted(name)} {{", f"  rankdir=TB; label={quoted(LEGEND)};"]
    lines += [f"  n{n.id} [label={label(graph, n)},{style(n)}];" for n in shown]
    edges = [(i, n.id) for n in shown for i in n.inputs if not isinstance(graph[i].op, Constant)]
    lines += [f"  n{i} -> n{reader};" for i, reader in edges]
    for number, (output, id) in enumerate(graph.outputs.items()):
        lines.append(f"  out{number} [label={quoted(str(output))},shape=ellipse,peripheries=2];")
        lines.append(f"  n{id} -> out{number};")
    return "\n".join([*lines, "}"]) + "\n"


def label(graph: Graph, node: Node) -> str:
    """A node's name or operator with its numbers, and its type."""
    match node.op:
        case Constant(value=value):
            return quoted(f"{value:g}")
        case Input(key=key) | PersistentOp(key=key):
            return quoted(f"{key}\n{node.type}")
        case op:
            named = f"{node.name} = " if node.name else ""
            operands = [graph[i].op for i in node.inputs]
            told = [f"{x.value:g}" if isinstance(x, Constant) else OPEN for x in operands]
            numbers = f"({', '.join(told)})" if {*told} - {OPEN} else ""
            return quoted(f"{named}{op.name}{numbers}\n{node.type}")


def style(node: Node) -> str:
    """How a kind of node is drawn."""
    if isinstance(node.op, Input | PersistentOp):
        color = INPUT if isinstance(node.op, Input) else PARAMETER
        return f"shape=ellipse,style=filled,fillcolor={color}"
    if isinstance(node.op, Constant):
        return "shape=plaintext"
    is_backward = node.origin is not None and node.origin.rule.startswith("vjp")
    return f"shape=box,style=filled,fillcolor={BACKWARD}" if is_backward else "shape=box"


def quoted(text: str) -> str:
    """A string of DOT: the escapes that JSON and DOT share."""
    return json.dumps(text, ensure_ascii=False)


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
