"""Stages: which nodes are computed once a step, and which for every tile of examples.

*Serial* stages run once; *batch* stages run for every tile of the batch's examples, on any thread.
They alternate: serial 0, batch 0, serial 1, batch 1, ...  A mean over the examples is summed up in
batch stage k and its value is known from serial stage k + 1 on.  A training step has two: the
gradients are summed up in batch 0, the parameters are updated in serial 1 (and what is prepared
from the parameters, such as packed weights, stands in serial 0).

The gradient of a large matrix is a mean of outer products.  Added up tile by tile, each thread
would read and write the whole matrix for every tile.  Such a mean is *delayed*: the two factors of
all examples are kept, and one product in serial stage k + 1 sums over the examples.  So it is with
the weights of a convolution where images are small beside them: its sum goes over pixels as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.loop_order import in_order, loop_of
from gradc_compiler.graph.types import Time
from gradc_compiler.machine.cost_model import worth_deferring
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.sequence import FromRows, TimeSum
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.remat import AGAIN, derived_nodes


class Stage(NamedTuple):
    """A serial stage, or the batch stage (`examples`) of the same number, which sorts after it."""

    number: int
    examples: bool


@dataclass(frozen=True, slots=True)
class Region:
    """Where a node is computed: its stage; the time whose rows its kernel goes over (None: it goes
    over examples); and the recurrence, by its loop's number, in whose steps it is computed.
    """

    phase: Stage
    time: Time | None = None
    loop: int | None = None


def assign_stages(graph: Graph, switches: Switches | None = None) -> Mapping[int, Region]:
    """The region of each node."""
    switches = switches or Switches()
    phases, loops = _phases(graph, switches), loop_of(graph)
    regions = {
        node.id: Region(phases[node.id], _rows(graph, node), loops.get(node.id))
        for node in graph.nodes
    }
    if switches.allow("sink"):
        switches.count("sink", _sink(graph, regions))
    return regions


def _sink(graph: Graph, regions: dict[int, Region]) -> int:
    """Sink values that only one recurrence reads into its steps; gives how many were.

    Elementwise values then join the recurrence's kernels and are not stored for all steps at once.
    Of the copies that rematerialisation makes, products sink as well: `checkpoint` asks that no
    copy is there for all steps.  Nothing is computed twice.
    """
    sunk = 0
    users, wanted = graph.users, set(graph.outputs.values())
    for node in reversed(graph.nodes):
        own = regions[node.id]
        if not _sinks(node) or own.time is None or node.id in wanted:
            continue
        readers = {regions[u] for u in users[node.id]}
        (only,) = readers if len(readers) == 1 else (own,)
        if only.loop is not None and (only.phase, only.time) == (own.phase, own.time):
            regions[node.id] = only
            sunk += 1
    return sunk


def _sinks(node: Node) -> bool:
    """Whether a node may as well be computed step by step: elementwise, a view, or a copy."""
    plain = isinstance(node.op, Reshape) or (isinstance(node.op, Contract) and not node.op.mean)
    return isinstance(node.op, Elementwise) or (
        plain and (node.remat.is_set or len(node.inputs) == 1)
    )


def _rows(graph: Graph, node: Node) -> Time | None:
    """The time whose rows a kernel for this node goes over; a sum over time goes over the rows of
    its operand, as does a tensor of them.
    """
    sums = isinstance(node.op, TimeSum | FromRows) or node.op.makes_uniform
    types = [graph[i].type for i in node.inputs] if sums else [node.type]
    return next((type.time for type in types if type.time is not None), None)


def _phases(graph: Graph, switches: Switches) -> dict[int, Stage]:
    """The stage in which each node is computed."""
    varying = graph.varying
    phase: dict[int, Stage] = {}
    known: dict[int, int] = {}  # number of the first two stages that may read the node
    for group in in_order(graph):
        outside = {i for id in group for i in graph[id].inputs} - set(group)
        number = max((known[i] for i in outside | _carried(graph, group)), default=0)
        for id in group:
            node = graph[id]
            is_mean = node.op.makes_uniform and any(i in varying for i in node.inputs)
            known[id] = number + 1 if is_mean else number
            phase[id] = Stage(number, id in varying or is_mean)
            delayed = is_mean and switches.allow("delay-reduction")
            if delayed and is_delayable(graph, node, varying):
                switches.count("delay-reduction")
                phase[id] = Stage(number + 1, False)
    _delay(graph, phase)
    return phase


def is_delayable(graph: Graph, node: Node, varying: frozenset[int]) -> bool:
    """Whether a mean is a product of two tensors, or a convolution of one with the other, that is
    better computed when all examples are done: the result is large beside the factors.
    """
    op, types = node.op, [graph[i].type for i in node.inputs]
    if not isinstance(op, Contract) or not all(i in varying for i in node.inputs):
        return False
    whole = all(p.plain is not None for p in op.result)  # every number is written once
    tensors = whole and len(types) == 2 and all(t.time is None for t in types)
    return tensors and worth_deferring(sum(t.size for t in types), node.type.size)


def _carried(graph: Graph, group: list[int]) -> set[int]:
    """The nodes outside a group whose values a recurrence carries into it."""
    carries = graph.carries
    loops = {graph[id].op.carried_by for id in group}
    return {id for loop, id in carries.items() if loop in loops} - set(group)


def _delay(graph: Graph, phase: dict[int, Stage]) -> None:
    """Move what is computed once to the latest serial stage that its readers allow; and what is
    computed again, with what is computed of that, to the latest batch stage.
    """
    users, again = graph.users, _of_copies(graph)
    for node in reversed(graph.nodes):
        examples = phase[node.id].examples
        if users[node.id] and (not examples or node.id in again):
            last = (phase[u].number - (examples and not phase[u].examples) for u in users[node.id])
            phase[node.id] = Stage(min(last), examples)


def _of_copies(graph: Graph) -> set[int]:
    """Where something is computed again: that, and derivatives, which read it or what is kept.

    The steps of recurrences stay together, and means where their readers found them.
    """
    if not any(node.origin == AGAIN for node in graph.nodes):
        return set()
    loops, late = loop_of(graph), derived_nodes(graph)
    late |= {node.id for node in graph.nodes if node.origin == AGAIN}
    return {id for id in late if id not in loops and not graph[id].op.makes_uniform}
