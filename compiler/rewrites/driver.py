"""The driver of all rewrites of graphs: asks the switch, verifies what came out, counts, remembers.

A *row* says what one rewrite does; `compiler/rewrites/table.py` has all rows, in two stages.  There
are two kinds of rewrites.  A rule is asked node by node (`nodes`); the nodes that it makes keep the
story of the node that they replace: its place in the spec, why it is there, and how many products
it stands for.  Any other rewrite takes a whole graph and gives one (`whole`).  A row that is not
made for a target is off there, as if it had been switched off (`switches_for` in the table).

Rows are run in the order of the table.  Some must come after others; they say so (`after`), and the
driver checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field
from math import prod

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.rebuild import Rule, rewrite_nodes
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.machine.targets import TARGETS
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches

KEEP = "keep"  # the switch of what derivatives read
SINGLE_TILES = "single-tiles"  # the switch of a GPU's tiles that float64 has no room for
MOST_ROUNDS = 8  # of a stage that runs until nothing changes


@dataclass(slots=True)
class Notes:
    """What rewrites report beside the graph, and what they are told.

    `needed` maps the tag of a contraction to the number of products that its result needs, if a
    rewrite made it compute more or fewer; speed is reported in needed products.  `recomputed` says,
    in lines for people, which values are kept for the derivative and which are computed again.
    """

    keep: bool = True  # whether values are kept that derivatives read
    needed: dict[int, int] = field(default_factory=dict)
    recomputed: tuple[str, ...] = ()


Run = Callable[[Graph, Notes], tuple[Graph, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimisation:
    """Something that can be switched off: its law, whether it only changes the order of a sum, and
    the targets that it is made for.
    """

    law: str
    exact: bool = True
    targets: tuple[str, ...] = TARGETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite(Optimisation):
    """A row: how a graph is rewritten, and why.

    `always` says what would be wrong without the rewrite; such a row has no switch.  `fits` says
    why its targets profit from it; it is empty for algebra, which is for all targets.  `after`
    names rows that must not come later in a stage, because they would undo what this row does.
    """

    run: Run
    always: str = ""
    fits: str = ""
    after: tuple[str, ...] = ()

    def __call__(self, graph: Graph) -> Graph:
        """The graph rewritten, and nothing else told."""
        return self.run(graph, Notes())[0]


Table = Mapping[str, Rewrite]


def whole(transform: Callable[[Graph], Graph]) -> Run:
    """The run of a rewrite of whole graphs; it counts once."""

    def run(graph: Graph, notes: Notes) -> tuple[Graph, int]:
        changed = transform(graph)
        return changed, int(changed != graph)

    return run


def nodes(rule_for: Callable[[Graph], Rule], of: type | tuple[type, ...] = Op) -> Run:
    """The run of a rule for nodes of some operators; it counts the nodes that gave way."""

    def run(graph: Graph, notes: Notes) -> tuple[Graph, int]:
        times = 0

        def told(node: Node, made: list[Node]) -> None:
            nonlocal times
            times += 1
            _tell_needed(node, made, notes.needed)

        asked = [node.id for node in graph.nodes if isinstance(node.op, of)]
        changed = rewrite_nodes(graph, rule_for(graph), told, asked=asked)
        return changed, times

    return run


def verify_order(table: Table) -> None:
    """Raises `AssertionError` where a row comes before one that it must come after."""
    names = list(table)
    for position, (name, row) in enumerate(table.items()):
        early = [other for other in row.after if other in names[position:]]
        assert not early, f"{name} comes before {early[0]}, which would undo what it brings about"


def run_once(table: Table, graph: Graph, switches: Switches) -> tuple[Graph, Notes]:
    """Every row that is on, in order.

    Raises `AssertionError` where the order is wrong, or a row gives what is no graph.
    """
    notes = Notes(keep=switches.allow(KEEP))
    last = graph
    for _, changed in each_once(table, graph, switches, notes):
        last = changed
    return last, notes


def each_once(
    table: Table, graph: Graph, switches: Switches, notes: Notes
) -> Iterator[tuple[str, Graph]]:
    """Each row that is on and changes something, and the graph after it.

    Raises `AssertionError` where the order is wrong, or a row gives what is no graph.
    """
    verify_order(table)
    for name, row in table.items():
        if not row.always and not switches.allow(name):
            continue
        changed, times = row.run(graph, notes)
        if times:
            graph = verify(changed, after=name, known=graph)
            switches.count(name, 0 if row.always else times)
            yield name, graph


def run_until_stable(
    table: Table, graph: Graph, without: Collection[str] = ()
) -> Iterator[tuple[str, Graph]]:
    """Every row that is on, again and again until none changes anything; gives each row that did,
    and the graph after it.
    """
    chosen = {name: row for name, row in table.items() if name not in without}
    known: Graph | None = None  # the last graph that was verified
    idle = 0  # rows in a row that changed nothing
    for _ in range(MOST_ROUNDS):
        before = graph
        for name, row in chosen.items():
            if idle == len(chosen):
                return
            changed, times = row.run(graph, Notes())
            idle = 0 if times else idle + 1
            if times or known is None:
                graph = known = verify(changed, after=name, known=known)
            if times:
                yield name, graph
        if graph == before:
            return


def _tell_needed(node: Node, made: Collection[Node], needed: dict[int, int]) -> None:
    """Let new products count as those of the node that they replace; products of transforms count
    as none.
    """
    if not isinstance(node.op, Contract) or len(node.inputs) != 2:
        return
    own, ids = needed.get(node.tag, prod(node.op.extents)), {n.id: n for n in made}
    for new in (n for n in made if len(n.inputs) == 2):
        matrix = ids.get(new.inputs[1])
        needed[new.tag] = 0 if matrix is not None and isinstance(matrix.op, Literal) else own
