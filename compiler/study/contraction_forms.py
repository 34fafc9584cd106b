"""One form for contractions that are the same sum, however it is written.

Loops are numbered as they are met, factors stand in one order, and a transposition is part of the
contraction that reads it or is turned by it: `transpose(a @ b)` is `transpose(b) @ transpose(a)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.matmul_op import in_one_order
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.simplify import is_view

MOST_FACTORS = 3  # that are put in order


@dataclass(frozen=True, slots=True)
class ContractionForm:
    """A contraction, and the numbers of what it reads."""

    op: Contract
    operands: tuple[int, ...]


def contraction_form(
    node: Node, graph: Graph, numbers: Mapping[int, int], forms: Mapping[int, ContractionForm]
) -> ContractionForm:
    """The form of a contraction whose operands have `numbers`, and, if they are contractions
    themselves, `forms`.
    """
    op = node.op
    assert isinstance(op, Contract), "asked of contractions"
    axes = turned_axes(op, graph[node.inputs[0]].type.shape)
    if axes is not None and node.inputs[0] in forms:
        inner = forms[node.inputs[0]]
        result = tuple(inner.op.result[a] for a in axes)
        return in_order(replace(inner.op, result=result, shape=op.shape), inner.operands)
    maps, operands = list(op.operands), [numbers[i] for i in node.inputs]
    for k, i in enumerate(node.inputs):
        form = forms.get(i)
        inner_axes = None if form is None else _pure_turn(form)
        if form is not None and inner_axes is not None:
            maps[k] = tuple(maps[k][inner_axes.index(a)] for a in range(len(inner_axes)))
            operands[k] = form.operands[0]
    return in_order(replace(op, operands=tuple(maps)), operands)


def turned_axes(op: Contract, shape: tuple[int, ...]) -> list[int] | None:
    """For each axis of the result the operand's axis that it is, of a transposition."""
    if len(op.operands) != 1 or not is_view(op, shape):
        return None
    places = {p.plain: axis for axis, p in enumerate(op.operands[0])}
    axes = [places.get(p.plain) for p in op.result]
    if None in axes or sorted(a for a in axes if a is not None) != list(range(len(shape))):
        return None
    return [a for a in axes if a is not None]


def _pure_turn(form: ContractionForm) -> list[int] | None:
    """The same of a form that is nothing else."""
    op = form.op
    if len(op.operands) != 1:
        return None
    sizes = [op.extents[p.plain] if p.plain is not None else 0 for p in op.operands[0]]
    return turned_axes(op, tuple(sizes))


def in_order(op: Contract, operands: Sequence[int]) -> ContractionForm:
    """Loops and factors in the one order that all such contractions have."""
    places = range(len(operands))
    orders = permutations(places) if len(operands) <= MOST_FACTORS else [tuple(places)]
    found = [
        ContractionForm(
            in_one_order(replace(op, operands=tuple(op.operands[k] for k in order))),
            tuple(operands[k] for k in order),
        )
        for order in orders
    ]
    return min(found, key=lambda form: (form.operands, repr(form.op)))
