"""The text form of a graph: one node a line, prints and parses.

    %0 = input{key='x', shape=(4,), classes=None} : [4]
    %1 = exp %0 : [4]
    return loss=%1

Attributes are the operator's fields as Python literals, read back with `ast.literal_eval`, so
reading a graph runs nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from math import inf, nan
from typing import Any

from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.outputs import OutputKey, read_key
from gradc_compiler.ops.contract import Affine, Map

_LINE = re.compile(r"%(\d+)\s*=\s*(\w+)(\{.*\})?((?:\s+%\d+)*)\s*(?::.*)?$")


def print_graph(graph: Graph, *, ledger: bool = False) -> str:
    """The text of a graph; with `ledger`, each line says where its node came from."""
    tags = {node.tag: node.id for node in graph.nodes}
    lines = [_line(node, tags if ledger else None) for node in graph.nodes]
    outputs = " ".join(f"{name}=%{id}" for name, id in graph.outputs.items())
    return "\n".join([*lines, f"return {outputs}".rstrip()]) + "\n"


def _line(node: Node, tags: Mapping[int, int] | None) -> str:
    attributes = ", ".join(f"{k}={_plain(v)!r}" for k, v in node.op.attributes().items())
    operands = "".join(f" %{i}" for i in node.inputs)
    braced = "{" + attributes + "}" if attributes else ""
    line = f"%{node.id} = {node.op.name}{braced}{operands} : {node.type}"
    if tags is None:
        return line
    return f"{line:<60}  # {story(node, tags, '%')}"


def story(node: Node, tags: Mapping[int, int], sign: str) -> str:
    """Where a node came from, in one line: its name, the author's line, and the rule that made it.

    `tags` gives nodes their numbers, which stand behind a sign.
    """
    notes = [node.name or "", str(node.span or "")]
    if node.origin is not None:
        met = None if node.origin.node is None else tags.get(node.origin.node)
        notes.append(node.origin.rule + ("" if met is None else f" at {sign}{met}"))
    return "  ".join(note for note in notes if note).replace("\n", " ")


def _plain(value: Any) -> Any:
    """Tuples and numbers only: an affine position becomes (terms, offset)."""
    if isinstance(value, Affine):
        return (value.terms, value.offset)
    return tuple(_plain(v) for v in value) if isinstance(value, tuple) else value


def parse_graph(text: str) -> Graph:
    """Read the text form back; raises `ValueError` naming the line."""
    builder = Builder()
    outputs: dict[OutputKey, int] = {}
    numbers: dict[int, int] = {}
    for number, line in enumerate(re.split(r"[\n;]", text), 1):
        line = line.split("  #")[0].strip()
        if not line:
            continue
        if line.startswith("return"):
            pairs = [item.split("=%") for item in line.split()[1:]]
            outputs = {read_key(name): numbers[int(id)] for name, id in pairs}
            continue
        match = _LINE.match(line)
        if match is None or match[2] not in OPS:
            raise ValueError(f"line {number}: not a node: {line!r}")
        operands = [builder.value(numbers[int(i)]) for i in re.findall(r"%(\d+)", match[4])]
        op = OPS[match[2]](**_attributes(match[2], match[3] or "{}"))
        numbers[int(match[1])] = builder.add(op, *operands).id
    return builder.graph(outputs)


def _attributes(op: str, text: str) -> dict[str, Any]:
    call = ast.parse(f"f({text[1:-1]})", mode="eval").body
    assert isinstance(call, ast.Call)
    numbers = _Numbers()
    values = {k.arg: ast.literal_eval(numbers.visit(k.value)) for k in call.keywords if k.arg}
    if op == "contract":
        values["operands"] = tuple(map(_affine_map, values["operands"]))
        values["result"] = _affine_map(values["result"])
    return values


class _Numbers(ast.NodeTransformer):
    """Reads `inf` and `nan`, which Python prints as names."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = {"inf": inf, "nan": nan}
        return ast.copy_location(ast.Constant(known[node.id]), node) if node.id in known else node


def _affine_map(places: tuple[tuple[Any, int], ...]) -> Map:
    return tuple(Affine(*place) for place in places)
