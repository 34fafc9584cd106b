"""Which operator is to blame for a NaN or an infinity: a backward slice of one run.

An infinity is no fault by itself: the branch that a `where` did not take may be full of them.  So
the search begins at what the user sees: the loss if it is not finite, else the reports, else the
updates.  Every number there that is not finite is followed back, element by element, to the
operands that it was computed from; through a `where`, into the branch that was taken.  The operator
to blame is the earliest one on this way back that makes a number that is not finite out of operands
that are all finite.

The numbers that a number was computed from are called its dynamic slice: Korel & Laski, "Dynamic
program slicing", Information Processing Letters 29, 1988.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.graph.ragged import Batch, Ragged

INNOCENT = ("constant", "previous")  # they only hand on numbers that were made elsewhere
Masks = dict[int, np.ndarray]


def culprit(graph: Any, values: Mapping[int, Batch]) -> Any:
    """The node to blame for numbers among the outputs that are not finite; None if all are finite.

    `values` has the value of every node in this run.
    """
    arrays = {id: plain(batch) for id, batch in values.items()}
    wrong = {id: ~np.isfinite(array) for id, array in arrays.items()}
    reached = way_back(graph, arrays, wrong, dict(starts(graph, wrong)))
    to_blame = (id for id, mask in reached.items() if is_to_blame(graph[id], graph, wrong, mask))
    return graph[found] if (found := min(to_blame, default=None)) is not None else None


def plain(batch: Batch) -> np.ndarray:
    """The numbers of a batch as an array [rows, ...], a row for each example or element; labels
    become float64.
    """
    array = np.atleast_1d(batch.values if isinstance(batch, Ragged) else batch)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def starts(graph: Any, wrong: Mapping[int, np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    """Where the search begins: the loss if it is not finite; else the reports that are not, else
    the updates.
    """
    losses = {name: id for name, id in graph.outputs.items() if name == "loss"}
    others = (of_role(role, graph.outputs) for role in (Role.REPORT, Role.UPDATE))
    for kind in (losses, *others):
        found = [(id, wrong[id]) for id in sorted({*kind.values()}) if wrong[id].any()]
        if found:
            yield from found
            return


def way_back(
    graph: Any, arrays: Mapping[int, np.ndarray], wrong: Mapping[int, np.ndarray], starts: Masks
) -> Masks:
    """Every node on the way back, with a mask of those of its numbers that the outputs were
    computed from.

    A recurrence hands a state on from step to step, so its nodes are visited again until no mask
    grows.
    """
    carried = {n.id: n.op.carried_by for n in graph.nodes if n.op.carried_by is not None}
    reached, pending = dict(starts), list(starts)
    while pending:
        node = graph[pending.pop()]
        came = list(sources(node, graph, arrays, wrong, reached[node.id]))
        if node.id in carried:
            after = graph.carries[carried[node.id]]
            came.append((after, wrong[after]))
        for id, mask in came:
            known = reached.get(id, np.zeros_like(mask))
            if (mask & ~known).any():
                reached[id] = known | mask
                pending.append(id)
    return reached


def sources(
    node: Any,
    graph: Any,
    arrays: Mapping[int, np.ndarray],
    wrong: Mapping[int, np.ndarray],
    mask: np.ndarray,
) -> Iterator[tuple[int, np.ndarray]]:
    """The operands of a node, each with a mask of its numbers that the numbers in the node's mask
    were computed from.
    """
    for place, id in enumerate(node.inputs):
        used = mask
        if node.op.name == "where" and place:
            used = mask & taken(arrays[node.inputs[0]], place, mask)
        yield id, wrong[id] & onto(used, node, graph[id], wrong[id])


def taken(condition: np.ndarray, place: int, mask: np.ndarray) -> np.ndarray:
    """The numbers that a `where` took from its first branch (place 1) or its second (place 2).

    They are taken to be all numbers, if condition and result have different rows.
    """
    chosen = (condition != 0) == (place == 1)
    if len(chosen) not in (1, len(mask)):
        return np.ones_like(mask)
    return np.broadcast_to(padded(chosen, mask.ndim), mask.shape)


def onto(mask: np.ndarray, node: Any, operand: Any, like: np.ndarray) -> np.ndarray:
    """A mask of a node's numbers as a mask of an operand's numbers.

    It is the same element, if the operator goes element by element; the same example, if both go by
    example; else all numbers of the operand.
    """
    if len(like) == 1:
        mask = np.asarray(np.any(mask, axis=0, keepdims=True))
    elif len(mask) != len(like) or node.type.time != operand.type.time:
        return np.full(like.shape, bool(mask.any()))
    if not is_elementwise(node):
        rows = mask.reshape(len(mask), -1).any(axis=1)
        return np.broadcast_to(rows.reshape(-1, *[1] * (like.ndim - 1)), like.shape)
    shape = padded(like, mask.ndim).shape
    repeated = tuple(axis for axis, n in enumerate(shape) if n == 1)
    any_of_them: np.ndarray = np.any(mask, axis=repeated, keepdims=True)
    return np.broadcast_to(any_of_them, shape).reshape(like.shape)


def is_elementwise(node: Any) -> bool:
    """Whether an operator goes element by element: such an operator has scalar text."""
    return isinstance(getattr(node.op, "text", None), str)


def padded(array: np.ndarray, axes: int) -> np.ndarray:
    """An array [rows, ...] with axes of size 1 put in behind its rows."""
    return array.reshape(len(array), *[1] * (axes - array.ndim), *array.shape[1:])


def is_to_blame(node: Any, graph: Any, wrong: Mapping[int, np.ndarray], mask: np.ndarray) -> bool:
    """Whether a node makes one of the numbers in a mask out of operands that are all finite.

    Elements of a sequence are looked at one by one, as an operator of a recurrence may make the
    first such number and read it one step later.
    """
    if node.op.name in INNOCENT:
        return False
    for id in node.inputs:
        mask = mask & ~explained(wrong[id], node, graph[id], mask)
    return bool(mask.any())


def explained(bad: np.ndarray, node: Any, operand: Any, mask: np.ndarray) -> np.ndarray:
    """Which numbers of a node may have become NaN or infinite because an operand was."""
    same = len(bad) in (1, len(mask)) and node.type.time == operand.type.time
    if not same and len(bad) != 1:
        return np.full(mask.shape, bool(bad.any()))
    if is_elementwise(node):
        return np.broadcast_to(padded(bad, mask.ndim), mask.shape)
    rows = bad.reshape(len(bad), -1).any(axis=1).reshape(-1, *[1] * (mask.ndim - 1))
    return np.broadcast_to(rows, mask.shape)
