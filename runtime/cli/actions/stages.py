"""A model as its author wrote it, stage by stage: what each gives and which parameters it owns.

The tree says where a chain's stages are in the text; the graph's nodes, whose spans lead back to
that text, say what each stage became.  Both are walked side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from compiler.elaborate import PersistentSpec
from compiler.graph.graph import Graph, Node
from compiler.graph.types import TensorType
from compiler.ops.leaf import Constant, Input, Persistent
from compiler.pipeline import Compilation
from compiler.source import Span
from compiler.syntax.tree import (
    Assign,
    Claim,
    Definition,
    Expr,
    Name,
    Noise,
    Param,
    Pipe,
    Result,
    Statement,
    Tree,
)

LONGEST = 44  # characters of a stage's text


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One line of the table."""

    text: str
    type: TensorType | None
    parameters: tuple[PersistentSpec, ...]

    @property
    def size(self) -> int:
        """How many numbers its parameters hold."""
        return sum(spec.type.size for spec in self.parameters)

    @property
    def layers(self) -> list[str]:
        """The names of its layers, without the model's."""
        names = (spec.name.rpartition(".")[0].partition(".")[2] for spec in self.parameters)
        return list(dict.fromkeys(name for name in names if name))


def stages(made: Compilation, model: str, graph: Graph) -> list[Stage]:
    """The stages of a model; none for a model of another file."""
    definitions = {d.name: d for d in made.tree.declarations if isinstance(d, Definition)}
    if model not in definitions:
        return []
    specs = {spec.name: spec for spec in made.module.parameters if spec.role == "parameter"}
    found = list(pieces(definitions[model].body))
    places = [[piece.span, *(d.span for d in used(piece, definitions))] for piece in found]
    result: list[Stage] = []
    start, type = 0, None
    for piece, mine, following in zip(found, places, [*places[1:], []], strict=True):
        stop = end_of(graph, start, mine, following)
        type = given(graph.nodes[start:stop]) or input_type(piece, graph) or type
        keys = [n.op.key for n in graph.nodes[start:stop] if isinstance(n.op, Persistent)]
        owned = tuple(specs[key] for key in keys if key in specs)
        result.append(Stage(text=shortened(piece.span.text), type=type, parameters=owned))
        start = stop
    return result


def end_of(graph: Graph, start: int, mine: Sequence[Span], following: Sequence[Span]) -> int:
    """Where a stage's nodes end: where the next begins, or uses the same layer anew."""
    layer, stop = None, start
    while stop < len(graph.nodes) and belongs(graph[stop], mine):
        node = graph[stop]
        if isinstance(node.op, Persistent) and "." in node.op.key:  # not a counter of draws
            name = node.op.key.split(".")[1]
            if layer not in (None, name) and belongs(node, following):
                break
            layer = name
        stop += 1
    return stop


def pieces(body: Sequence[Statement]) -> Iterator[Tree]:
    """The parts of a body that are worth a line."""
    for statement in body:
        match statement:
            case Param() | Noise():
                yield statement
            case Assign(value=value) | Result(value=value):
                yield from chain(value)


def chain(expression: Expr) -> list[Expr]:
    """The stages of `a |> f |> g`, without the claims."""
    found: list[Expr] = []
    while isinstance(expression, Pipe | Claim):
        if isinstance(expression, Pipe):
            found.append(expression.right)
            expression = expression.left
        else:
            expression = expression.value
    return [expression, *reversed(found)]


def used(tree: Tree, definitions: dict[str, Definition]) -> list[Definition]:
    """The definitions of this file that a piece names, and those that they name."""
    found: dict[str, Definition] = {}
    waiting: list[Any] = [tree]
    while waiting:
        match waiting.pop():
            case Name(name=name) if name in definitions and name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
            case tuple() as several:
                waiting.extend(several)
            case Tree() as one if is_dataclass(one):
                waiting.extend(getattr(one, field.name) for field in fields(one))
    return list(found.values())


def belongs(node: Node, allowed: Sequence[Span]) -> bool:
    """Whether a node was written in one of these places; inputs belong to all."""
    if node.span is None or isinstance(node.op, Input):
        return True
    at = node.span
    return any(
        at.source.name == span.source.name and span.start <= at.start and at.end <= span.end
        for span in allowed
    )


def given(nodes: Sequence[Node]) -> TensorType | None:
    """The type of the last node that computes something."""
    leaves = (Input, Constant, Persistent)
    for node in reversed(nodes):
        if not isinstance(node.op, leaves):
            return node.type
    return nodes[-1].type if nodes and isinstance(nodes[-1].op, Persistent) else None


def input_type(piece: Tree, graph: Graph) -> TensorType | None:
    """The type of a stage that is just an input's name."""
    if isinstance(piece, Name):
        for node in graph.nodes:
            if isinstance(node.op, Input) and node.op.key == piece.name:
                return node.type
    return None


def shortened(text: str) -> str:
    """On one line, and not too long."""
    line = " ".join(line.partition("#")[0] for line in text.splitlines())
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."
