"""Names for values of a derived program that are nobody's adjoint: what they are on the way to.

What a rule sends to x before it is summed up, or added to what others send, is `d_x_via_y`, y being
the value whose rule it is; what a rule works out beside, of values alone, is `at_y` (where the
maximum was met, say).  Values that their author called nothing are counted on: c41, c42.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.leaf import Constant, Input, PersistentOp

VJP = "vjp of "


def spare_names(
    graph: Graph,
    names: Mapping[int, str],
    adjoints: Collection[int],
    inside: Collection[int],
    count: int,
) -> dict[int, str]:
    """A name for each node that is not in `names`, which must still be told from others; `inside`
    are the values of the loss, `count` is the first number that none of them has.
    """
    by_tag = {node.tag: node.id for node in graph.nodes}
    sent, found = contributions(graph, adjoints, by_tag), dict[int, str]()
    for node in graph.nodes:
        if node.id in names or isinstance(node.op, Input | PersistentOp | Constant):
            continue
        if not is_backward(node) or node.id in inside:
            found[node.id] = f"c{count}"
            continue
        tag = ruled(node)
        owner = names.get(by_tag.get(-1 if tag is None else tag, -1), "")
        name = sent_name(graph, names, adjoints, node, owner) if node.id in sent else f"at_{owner}"
        found[node.id] = re.sub(r"\W+", "_", name.removesuffix("_"))
    return found


def contributions(
    graph: Graph, adjoints: Collection[int], by_tag: Mapping[int, int]
) -> frozenset[int]:
    """The nodes that rules made of a cotangent; others they made of values alone."""
    found: set[int] = set()
    for node in graph.nodes:
        if is_backward(node) and node.origin is not None:
            met = by_tag.get(-1 if node.origin.cotangent is None else node.origin.cotangent)
            if any(i in found or i in adjoints or i == met for i in node.inputs):
                found.add(node.id)
    return frozenset(found)


def sent_name(
    graph: Graph, names: Mapping[int, str], adjoints: Collection[int], node: Node, owner: str
) -> str:
    """`d_x_via_y` for what the rule of y sends towards x."""
    told = {i for i in adjoints if i in names}
    whole = next((i for i in readers(graph, node.id) if i in told), None)
    target = "d" if whole is None else names[whole]
    read = next((i for i in sources(graph, node.id) if i in told), None)
    owner = owner or ("" if read is None else names[read].removeprefix("d_"))
    return f"{target}_via_{owner}" if owner and target != f"d_{owner}" else f"{target}_part"


def readers(graph: Graph, id: int) -> Iterator[int]:
    """All that depends on a node, the nearest first."""
    return _nearest(id, lambda i: graph.users[i])


def sources(graph: Graph, id: int) -> Iterator[int]:
    """All that a node depends on, the nearest first."""
    return _nearest(id, lambda i: graph[i].inputs)


def _nearest(id: int, beside: Callable[[int], Iterable[int]]) -> Iterator[int]:
    waiting, seen = deque([id]), {id}
    while waiting:
        for other in beside(waiting.popleft()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
                yield other


def is_backward(node: Node) -> bool:
    """Whether a rule of differentiation made a node."""
    return node.origin is not None and node.origin.rule.startswith(VJP)


def ruled(node: Node) -> int | None:
    """The tag of the node whose rule made this one."""
    return None if node.origin is None else node.origin.node
