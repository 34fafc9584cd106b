"""A gradient written by hand: its file, compiled, and the named values of it line by line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Assign, File, Name, Tree
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.declare import SpecPath
from gradc_runtime.cli.faults import Refused

Draw = tuple[int, bool, bool, tuple[int, ...]]  # the key, normal, the same for all, the shape


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnValue:
    """A value of the hand-written program."""

    name: str
    node: int
    type: TensorType
    line: int
    place: str
    text: str  # the author's line


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGradient:
    """The graph of the program, and its named values in the order of their lines."""

    graph: Graph
    values: list[OwnValue]


def own_gradient(
    own: Path, known: Collection[str], true: Graph, names: Collection[str]
) -> OwnGradient:
    """The program of a file, and its values of some names.  `known` are the inputs and parameters
    that the spec has, `true` the graph of its gradient; what is only read for other values, such as
    a report, need not be known.

    Raises `Refused` for a file in which no model gives derivatives, or which reads or draws other
    numbers than the spec.
    """
    made = Request(spec=SpecPath().convert(str(own), None, None)).compile()
    graph = next(filter(gives_derivatives, map(made.module.forward, made.module.models)), None)
    if graph is None:
        raise Refused(f"no model of {own} gives derivatives: results called d_W, d_b, ...")
    graph = with_known_names(graph, known)
    named = [one for one in named_nodes(graph, made.tree) if one[1] in names]
    used = [graph[id] for id in sorted(graph.reachable([id for id, _, _ in named]))]
    require_known(used, known, own)
    require_same_draws(used, true, own)
    found = [own_value(name, graph[id], span) for id, name, span in named]
    return OwnGradient(graph=graph, values=sorted(found, key=lambda value: value.line))


def gives_derivatives(graph: Graph) -> bool:
    """Whether results are called as derivatives are."""
    return any(str(key).startswith("d_") for key in graph.results)


def with_known_names(graph: Graph, known: Collection[str]) -> Graph:
    """The inputs by the names that they have in the spec, where a derived program had to call one
    `rows_`.
    """

    def renamed(node: Node) -> Node:
        match node.op:
            case Input(key=key) as op if key not in known and key.removesuffix("_") in known:
                return replace(node, op=replace(op, key=key.removesuffix("_")))
        return node

    return Graph(tuple(map(renamed, graph.nodes)), graph.outputs)


def require_known(nodes: Iterable[Node], known: Collection[str], own: Path) -> None:
    """Raises `Refused` for what is read and is neither input nor parameter of the spec."""
    for node in nodes:
        if isinstance(node.op, Input | PersistentOp) and node.op.key not in known:
            raise Refused(f"{own} reads {node.op.key}, and the spec has nothing of that name")


def require_same_draws(nodes: Iterable[Node], true: Graph, own: Path) -> None:
    """Raises `Refused` for random numbers that are not those of the spec."""
    allowed = {*draws(true.nodes)}
    if {*draws(nodes)} <= allowed:
        return
    hint = f": write key = {min(allowed)[0]}, as the derived program does" if allowed else ""
    raise Refused(f"{own} draws random numbers that are not the spec's{hint}")


def draws(nodes: Iterable[Node]) -> Iterator[Draw]:
    """What a program draws."""
    for node in nodes:
        if isinstance(node.op, Random):
            yield node.op.node, node.op.normal, node.op.shared, node.op.shape


def named_nodes(graph: Graph, tree: File) -> Iterator[tuple[int, str, Span | None]]:
    """Each node with a name and its place; a line `a = b` gives b another name."""
    by_name = {node.name: node for node in graph.nodes if node.name}
    for name, node in by_name.items():
        if not isinstance(node.op, Input | PersistentOp):
            yield node.id, name, node.span
    for alias, name, span in aliases(tree):
        if name in by_name:
            yield by_name[name].id, alias, span
    for key, id in graph.results.items():
        if str(key) not in by_name:
            yield id, str(key), graph[id].span


def aliases(tree: Tree) -> Iterator[tuple[str, str, Span]]:
    """The lines of a file that only give a value another name."""
    match tree:
        case Assign(targets=(target,), value=Name(name=name)):
            yield target.name, name, tree.span
    for part in children(tree):
        yield from aliases(part)


def own_value(name: str, node: Node, span: Span | None) -> OwnValue:
    """A value with its line."""
    line, place, text = 0, "", ""
    if span is not None:
        line, place = span.line, f"{span.source.name}:{span.line}"
        text = span.source.line_text(line).split("  #")[0].strip()
    return OwnValue(name=name, node=node.id, type=node.type, line=line, place=place, text=text)


def is_given(name: str, given: set[str]) -> bool:
    """Whether a derivative is among names, perhaps with that of its model: `d_f_W` for `d_W`."""
    plain = name.removeprefix("d_")
    return any(one == name or one.endswith(f"_{plain}") for one in given)


def require_complete(own: Path, given: set[str], wanted: Iterable[Sequence[str]]) -> None:
    """Raises `Refused` where a derivative that is asked for is there by none of its names."""
    missing = [names[0] for names in wanted if not any(is_given(name, given) for name in names)]
    if missing:
        raise Refused(f"{own} gives no {', '.join(missing)}")
