"""What `gradc diff` says of the outputs of an entry: equal in which sense, or where they differ."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import OutputKey, Role, is_of
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.study.same_graph import equal_outputs
from gradc_runtime.cli.actions.diff_report import DiffFinding
from gradc_runtime.cli.actions.diff_sides import GraphPair
from gradc_runtime.cli.actions.diff_values import Start, differences


def values(pair: GraphPair, start: Start, seed: int) -> Iterator[DiffFinding]:
    """Whether an entry gives the same, as a graph or by its numbers."""
    common = [key for key in pair.a.results if is_comparable(pair, key)]
    same = equal_outputs(pair.a_less, pair.b_less)
    if (other := read_otherwise(pair, start)) is not None:
        said = f"not compared: {other} is not the same on both sides"
        yield DiffFinding(part="values", about=pair.entry, said=said, differs=True)
        return
    found = {} if same >= {*common} else differences(pair, common, start, seed)
    for part in ("values", "gradient"):
        keys = [k for k in common if is_of(Role.GRADIENT, k) == (part == "gradient")]
        apart = [key for key in keys if key in found]
        for key in apart:
            yield DiffFinding(
                part=part, about=f"{pair.entry}: {about(key)}", said="shown below", differs=True,
                witness=found[key],
            )  # fmt: skip
        if keys and not apart:
            yield DiffFinding(part=part, about=pair.entry, said=how_alike(pair, {*keys}, same))


def how_alike(pair: GraphPair, keys: set[OutputKey], same: set[OutputKey]) -> str:
    """In which sense outputs are equal, the strictest that can be told."""
    if same >= keys:
        return "the same graph after the laws of algebra"
    if equal_outputs(pair.a_less, pair.b_less, real=True) >= keys:
        return "the same numbers, and the same graph by the laws of real numbers"
    sizes = len(pair.a_less.nodes), len(pair.b_less.nodes)
    return f"the same numbers, graphs of {sizes[0]} and {sizes[1]} nodes"


def given_once(pair: GraphPair) -> Iterator[DiffFinding]:
    """What a step of one side alone gives: a gradient, a report, the next value of a state."""
    a, b = (without_loss_again(graph) for graph in (pair.a, pair.b))
    for keys, side in ((a.keys() - b.keys(), "first"), (b.keys() - a.keys(), "second")):
        for key in sorted(keys, key=str):
            part = "gradient" if is_of(Role.GRADIENT, key) else "values"
            said = f"only in the {side}"
            yield DiffFinding(
                part=part, about=f"{pair.entry}: {about(key)}", said=said, differs=True
            )


def without_loss_again(graph: Graph) -> dict[OutputKey, int]:
    """The results, but for a report of the loss, which every step gives anyway."""
    loss = graph.results.get("loss")
    return {k: id for k, id in graph.results.items() if id != loss or not is_of(Role.REPORT, k)}


def read_otherwise(pair: GraphPair, start: Start) -> str | None:
    """An input or a parameter that both read, of different types, or that only the second has."""
    types: dict[str, TensorType] = {}
    for node in (*pair.a.nodes, *pair.b.nodes):
        if isinstance(node.op, Input | PersistentOp):
            name = node.op.key
            known = isinstance(node.op, Input) or name in start.values
            if not known or types.setdefault(name, node.type) != node.type:
                return name
    return None


def is_comparable(pair: GraphPair, key: OutputKey) -> bool:
    """Whether both give an output, and of one type; else the shapes have said so."""
    if key not in pair.b.results:
        return False
    return pair.a[pair.a.results[key]].type == pair.b[pair.b.results[key]].type


def about(key: OutputKey) -> str:
    """What an output is called; what it is of the thing, where that is not seen elsewhere."""
    name = str(getattr(key, "about", key))
    for role, word in ((Role.REPORT, "report"), (Role.UPDATE, "next"), (Role.SETTING, "setting")):
        if is_of(role, key):
            return f"{word} {name}"
    return name
