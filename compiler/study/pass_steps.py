"""A graph through every pass and every rewrite: what each changed, by which law, and how exactly.

Nodes are numbered anew by every pass, so here each has one name for good: that of its author, or
the number that it was met with (`v12`); what a pass made itself is `n1`, `n2`, ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

import numpy as np

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate, node_values
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.ruled import without_rules
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.laws import Firing, Law
from gradc_compiler.rewrites.algebra.simplify import simplify
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.driver import Rewrite
from gradc_compiler.rewrites.table import ALGEBRA, changes, switches_for, target_changes
from gradc_compiler.rewrites.target_rewrites import TARGET
from gradc_compiler.transform.unparse_expr import expression

EXAMPLES = 3  # of a batch at which both sides are evaluated
SIMPLIFY = "simplify"  # the pass that is made of laws


@dataclass(frozen=True, slots=True, kw_only=True)
class PassStep:
    """One pass that changed something."""

    name: str
    stage: str  # "algebra", or the target
    row: Rewrite
    before: Graph
    after: Graph

    @property
    def exact(self) -> str:
        """What the pass may change of numbers."""
        return "exact, but for the order of sums" if self.row.exact else "inexact"

    @property
    def law(self) -> str:
        """The law, of a row that is always on the reason."""
        return self.row.law or self.row.always


def pass_steps(graph: Graph, without: frozenset[str], target: str) -> Iterator[PassStep]:
    """Every pass of algebra, and then every rewrite for a target, that changes a graph."""
    graph = without_rules(graph)  # passes see it so
    for name, after in changes(graph, without):
        yield PassStep(name=name, stage="algebra", row=ALGEBRA[name], before=graph, after=after)
        graph = after
    switches: Switches = switches_for(target, without)
    for name, after in target_changes(graph, switches):
        yield PassStep(name=name, stage=target, row=TARGET[name], before=graph, after=after)
        graph = after


class NodeNames:
    """A name for good for each node, by its tag."""

    def __init__(self, graph: Graph) -> None:
        self.known: dict[int, str] = {}
        for node in graph.nodes:
            self.known[node.tag] = _own(node) or f"v{node.id}"
        self.made = 0

    def name(self, node: Node) -> str:
        """The name of a node, a new one if it has not been met."""
        if node.tag not in self.known:
            self.made += 1
            self.known[node.tag] = f"n{self.made}"
        return self.known[node.tag]

    def right(self, node: Node, graph: Graph) -> str:
        """How a node is computed."""
        if isinstance(node.op, Input | PersistentOp):
            return f"{node.op.name} {_own(node)}"
        operands = [self.name(graph[i]) for i in node.inputs]
        shapes = [graph[i].type.shape for i in node.inputs]
        said = expression(node, operands, shapes)
        return f"mean over the batch of {said}" if getattr(node.op, "mean", False) else said

    def lines(self, graph: Graph) -> list[str]:
        """Each node as a line, equal lines once."""
        said = (f"{self.name(n)} = {self.right(n, graph)} : {n.type}" for n in graph.nodes)
        return [*dict.fromkeys(said)]


def _own(node: Node) -> str | None:
    """What the author calls a node."""
    return node.op.key if isinstance(node.op, Input | PersistentOp) else None


def changed_lines(step: PassStep, names: NodeNames) -> list[str]:
    """The lines that a pass took out (`-`) and put in (`+`), in order."""
    before, after = names.lines(step.before), names.lines(step.after)
    found: list[str] = []
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            found += [f"- {line}" for line in before[i:j]] + [f"+ {line}" for line in after[k:m]]
    return found


@dataclass(slots=True)
class LawUsed:
    """A law of `simplify`, the nodes that it changed, and how far both forms lie apart."""

    law: Law
    changed: list[str]  # `v11 = v9 + v10  becomes  v6 + v6`
    ulps: float = 0.0

    @property
    def exact(self) -> str:
        """What it may change of numbers."""
        return "exact, but for the order of a sum" if self.law.reorders else "exact"


def laws_used(
    step: PassStep, names: NodeNames, values: Mapping[str, object] | None
) -> list[LawUsed]:
    """The laws that made up one sweep of `simplify`; with `values`, both forms are evaluated."""
    if step.name != SIMPLIFY:
        return []
    told: list[Firing] = []
    simplify(step.before, told)
    graph = step.after  # it has both forms: `dce` comes later
    arrays = {} if values is None else dict(node_values(graph, values, EXAMPLES, "float64"))
    found: dict[str, LawUsed] = {}
    for one in told:
        used = found.setdefault(one.law.name, LawUsed(one.law, []))
        old, new = graph[one.node], graph[one.instead]
        right = names.right(old, graph)
        used.changed.append(f"{names.name(old)} = {right}  becomes  {_short(new, graph, names)}")
        if arrays:
            used.ulps = max(used.ulps, ulps(*np.broadcast_arrays(arrays[old.id], arrays[new.id])))
    return [*found.values()]


def _short(node: Node, graph: Graph, names: NodeNames) -> str:
    """What takes the place of a node: how it is computed, or its name where it was there before."""
    known = node.tag in names.known or isinstance(node.op, Input | PersistentOp)
    return names.name(node) if known else names.right(node, graph)


def largest_difference(
    step: PassStep, values: Mapping[str, object], batch: int
) -> tuple[float, str]:
    """How far the outputs of both sides lie apart in float64, in units of the last place of the
    largest number of a tensor, and which output it is.
    """
    one = evaluate(step.before, values, batch)
    other = evaluate(step.after, values, batch)
    worst, name = 0.0, ""
    for key, a in one.items():
        apart = ulps(_numbers(a), _numbers(other[key]))
        if apart > worst:
            worst, name = apart, str(key)
    return worst, name


def ulps(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two tensors in units of the last place of the largest number."""
    if a.size == 0 or np.array_equal(a, b, equal_nan=True):
        return 0.0
    unit = np.spacing(np.max(np.abs(np.nan_to_num(np.concatenate([a.ravel(), b.ravel()])))))
    return float(np.max(np.abs(np.nan_to_num(a - b))) / unit)


def _numbers(value: object) -> np.ndarray:
    array = value.values if isinstance(value, Ragged) else value
    return np.asarray(array, np.float64)
