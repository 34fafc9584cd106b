"""Rematerialisation: which values are kept for the derivative, and which are computed again.

A derivative reads values of the forward half, which would all have to be stored until then.  In a
part of a model that `checkpoint` marks, they may be computed a second time instead (Chen et al.,
"Training deep nets with sublinear memory cost", 2016).  That starts from values that are there
anyway: the part's inputs, the states of its recurrences, and what is read outside of it.  Products
are too much work to repeat (unless `products = true` asks for it), so some values behind them must
be kept.  Which, at the fewest words, is a minimal cut of the graph between the products and what
the derivative reads, with every value's words as the capacity of its node:

    product ──▶ [value: words] ──▶ [value: words] ──▶ derivative

The copies are ordinary nodes.  If only the steps of one recurrence read a copy, the recurrence
computes it step by step.

If very much would be kept, the whole model counts as marked.  So it does without `keep`, which
`--memory` chooses if there is too little memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph, Node
from gradc_compiler.graph.loop_order import library
from gradc_compiler.graph.outputs import Carry
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.remat_mark import Remat
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.records.fast_dataclass import dataclass

AGAIN = Origin("computed again")


@dataclass(frozen=True, slots=True)
class RematChoice:
    """The marked values that derivatives read: those that are kept, those computed again."""

    kept: frozenset[int]
    remat: frozenset[int]

    def lines(self, graph: Graph) -> Iterator[str]:
        """The choice in lines for people, with the words of each value."""
        for title, ids in (("kept for the derivative", self.kept), ("computed again", self.remat)):
            words = sum(graph[i].type.size for i in ids)
            names = ", ".join(_called(graph[i]) for i in sorted(ids))
            yield f"{title}: {words:,} words an example or element: {names or 'nothing'}"


def rematerialize(graph: Graph, keep: bool = True) -> tuple[Graph, tuple[str, ...]]:
    """The graph in which derivatives read copies of values that are not kept; and the choice, for
    people.

    Without `keep`, or if very much would be kept, every value counts as marked.
    """
    if not keep or takes_much(graph):
        graph = _all_marked(graph)
    if not any(node.remat.is_set for node in graph.nodes):
        return graph, ()
    choice = choose(graph)
    return _with_copies(graph, choice.remat), tuple(choice.lines(graph))


def takes_much(graph: Graph) -> bool:
    """Whether so much would be kept that computing some of it again costs no time, as less is
    written and read.

    It is never so with recurrences, which would compute it step by step.
    """
    if graph.carries:
        return False
    read = (node for node in read_by_derivatives(graph) if node.remat != Remat.MUST)
    return sum(map(_words, read)) > MACHINE.kept_words


def read_by_derivatives(graph: Graph) -> Iterator[Node]:
    """The values of the forward half that derivatives read, if they differ among examples."""
    derived, varying = derived_nodes(graph), graph.varying
    read = {i for id in derived for i in graph[id].inputs}
    return (graph[i] for i in read & varying - derived)


def _words(node: Node) -> int:
    """The words of a value of an example, of all its elements where their number is known."""
    time = node.type.time
    return node.type.size * (time if isinstance(time, int) else 1)


def _all_marked(graph: Graph) -> Graph:
    """The graph, all of its forward half marked."""
    derived = derived_nodes(graph)
    own = ((n, n.remat or Remat.UNLESS_PRODUCT) for n in graph.nodes)
    marked = (n if n.id in derived else replace(n, remat=mark) for n, mark in own)
    return replace(graph, nodes=tuple(marked)) if derived else graph


def choose(graph: Graph) -> RematChoice:
    """The values to keep: a minimal cut between products and what derivatives read."""
    free = _repeatable(graph)
    wanted, easy = _read_by_derivatives(graph, free), _easy(graph, free)
    network = library().DiGraph()
    network.add_nodes_from(("products", "derivative"))
    for id in _behind(graph, wanted, free) - easy:
        network.add_edge((id, "in"), (id, "out"), capacity=graph[id].type.size)
        if _is_worth_keeping(graph[id]):
            network.add_edge("products", (id, "in"))
        for i in set(graph[id].inputs) & free - easy:
            network.add_edge((i, "out"), (id, "in"))
        if id in wanted:
            network.add_edge((id, "out"), "derivative")
    _, (reached, _) = library().minimum_cut(network, "products", "derivative")
    kept = {id for id in free if (id, "in") in reached and (id, "out") not in reached}
    return RematChoice(frozenset(kept), frozenset(_behind(graph, wanted - kept, free - kept)))


def _is_worth_keeping(node: Node) -> bool:
    """Whether a node is a product that is too much work to compute twice."""
    product = isinstance(node.op, Contract) and len(node.inputs) > 1
    return product and node.remat == Remat.UNLESS_PRODUCT


def _easy(graph: Graph, free: set[int]) -> set[int]:
    """Marked values that can be computed without a product from values that are there anyway."""
    easy = set[int]()
    for node in graph.nodes:
        known = all(i in easy or i not in free for i in node.inputs)
        if node.id in free and known and not _is_worth_keeping(node):
            easy.add(node.id)
    return easy


def _repeatable(graph: Graph) -> set[int]:
    """Marked values that may be computed twice.

    They are no outputs, no recurrence carries them, and no unmarked node reads them: a value that
    one reads is there anyway (unless it is marked never to be kept).
    """
    varying, derived = graph.varying, derived_nodes(graph)
    free = {n.id for n in graph.nodes if n.remat.is_set and n.inputs and n.id in varying}
    free -= derived | set(graph.outputs.values())
    for node in graph.nodes:
        if node.id not in free and node.id not in derived and not node.remat.is_set:
            free -= {i for i in node.inputs if graph[i].remat != Remat.MUST}
    return free


def derived_nodes(graph: Graph) -> set[int]:
    """The nodes that belong to a derivative."""
    return {n.id for n in graph.nodes if n.origin and n.origin.rule.startswith("vjp")}


def _read_by_derivatives(graph: Graph, free: set[int]) -> set[int]:
    """The free values that derivatives read: each must be kept or computed again."""
    derived = derived_nodes(graph)
    return {i for node in graph.nodes if node.id in derived for i in node.inputs if i in free}


def _behind(graph: Graph, wanted: set[int], free: set[int]) -> set[int]:
    """The wanted values, and the free ones that they are computed from."""
    found, pending = set[int](), list(wanted)
    while pending:
        id = pending.pop()
        if id in free and id not in found:
            found.add(id)
            pending.extend(graph[id].inputs)
    return found


def _with_copies(graph: Graph, again: frozenset[int]) -> Graph:
    """The graph in which derivatives read copies; each copy stands before its first reader."""
    derived, builder = derived_nodes(graph), Builder(loops=1 + max(graph.carries, default=-1))
    mapping, copies = dict[int, int](), dict[int, int]()
    late: dict[int, int] = {}  # loops of copied `previous` nodes -> what the original carries

    def copy(id: int) -> int:
        if id not in again:
            return mapping[id]
        if id not in copies:
            node = graph[id]
            if isinstance(node.op, Previous):
                late[builder.loops] = graph.carries[node.op.loop]
                node = replace(node, op=replace(node.op, loop=builder.new_loop()))
            inputs = [copy(i) for i in node.inputs]
            copies[id] = builder.copy(replace(node, origin=AGAIN), inputs)
        return copies[id]

    for node in graph.nodes:
        operands = [copy(i) if node.id in derived else mapping[i] for i in node.inputs]
        mapping[node.id] = builder.copy(node, operands)
    outputs = {name: mapping[id] for name, id in graph.outputs.items()}
    outputs |= {Carry(loop): mapping[id] for loop, id in late.items()}
    return builder.graph(outputs)


def _called(node: Node) -> str:
    return f"%{node.id} {node.name or node.op.name} {node.type}"
