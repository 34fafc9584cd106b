"""Softmaxes of the scores of pairs that no kernel makes on the way, and why.

Of attention a GPU has a kernel that stores no score (`attend.py`), if it fits.  Any other is right
all the same: its scores come to memory, some rows at a time where they are many
(`query_blocks.py`).  What takes the memory, and what would spare it, is said here.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.reduce import Max
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.rewrites.find_attention import COPIES, attention_of, attentions
from gradc_compiler.rewrites.pair_formula import FORM, PairFormula, UnfitError

ROUNDINGS = {"bfloat16", "tfloat32"}
ROUNDED = "its products round their operands, and attention on tensor cores is not one kernel"


def stored_scores(graph: Graph) -> Iterator[tuple[Node, str]]:
    """Each such softmax of a graph, before what a target makes of it; and why."""
    found = {attention.weights for attention in attentions(graph)}
    for node in graph.nodes:
        if node.id not in found and _is_softmax_of_pairs(graph, node):
            yield node, _reason(graph, node)


def _is_softmax_of_pairs(graph: Graph, node: Node) -> bool:
    """Whether a value is exp(x - greatest) / sum, of scores so many that they would be spared."""
    if node.op.name != "div" or node.type.size < MACHINE.gpu_scores:
        return False
    powers = graph[node.inputs[0]]
    difference = graph[powers.inputs[0]] if powers.op.name == "exp" else node
    if difference.op.name != "sub":
        return False
    scores, greatest = (_seen(graph, i) for i in difference.inputs)
    of_rows = isinstance(greatest.op, Max) and len(greatest.op.axes) == 1
    return of_rows and _has_product(graph, scores)


def _seen(graph: Graph, id: int) -> Node:
    """What a node shows in another shape, or copied."""
    while isinstance(graph[id].op, Reshape) or graph[id].op.name in COPIES:
        (id,) = graph[id].inputs
    return graph[id]


def _has_product(graph: Graph, scores: Node) -> bool:
    """Whether scores are computed, number by number, of a product of two of an example's values."""
    seen, pending = set[int](), [scores.id]
    while pending:
        node = graph[pending.pop()]
        if node.id in seen or node.type.size < scores.type.size:
            continue
        seen.add(node.id)
        if isinstance(node.op, Contract) and len(node.inputs) == 2:
            return graph.varying.issuperset(node.inputs)
        if isinstance(node.op, Elementwise | Reshape):
            pending += node.inputs
    return False


def _reason(graph: Graph, weights: Node) -> str:
    """Why an attention is not one kernel."""
    wanted, reasons = frozenset(graph.outputs.values()), list[str]()
    for id in graph.users[weights.id]:
        user = graph[id]
        if isinstance(user.op, Contract) and len(user.inputs) == 2:
            try:
                attention_of(graph, user, weights.id, wanted)
            except UnfitError as unfit:
                reasons.append(str(unfit))
    if not reasons:
        return _changed(graph, weights)
    special = [reason for reason in reasons if reason != FORM]
    return special[0] if special else _form(graph, weights)


def _changed(graph: Graph, weights: Node) -> str:
    """Why, if no product reads the weights as they are."""
    names = sorted({graph[id].op.name for id in graph.users[weights.id]})
    if ROUNDINGS & {*names}:
        return ROUNDED
    return f"its weights are changed ({', '.join(names)}) before they meet v, as by dropout"


def _form(graph: Graph, weights: Node) -> str:
    """Why, if its form is another."""
    scores, _ = graph[graph[weights.inputs[0]].inputs[0]].inputs
    try:
        formula = PairFormula(graph, graph[scores].type.shape, (graph[scores].type.rank - 1,))
        formula.add(scores)
    except UnfitError as unfit:
        return str(unfit)
    return FORM
