"""Operands of one elementwise operator, broadcast as ONNX does: axes from the last, 1 to any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gradc_runtime.onnx.importer.arrange import opened_slots, rearrange, with_atoms
from gradc_runtime.onnx.importer.atoms import (
    Atom,
    Axes,
    Axis,
    fixed,
    is_free,
    replaced,
    size_of,
    slots_of,
    split,
)
from gradc_runtime.onnx.importer.expression import Expr
from gradc_runtime.onnx.importer.graph_value import GraphValue, mixes
from gradc_runtime.system.errors import DataError

Constants = Callable[[GraphValue, Axes], Expr]  # a known value in slots


def broadcast_axes(values: Sequence[GraphValue]) -> tuple[Axes, list[GraphValue]]:
    """The axes of a result, and operands that have the same atoms where they have any.

    Raises `DataError` where sizes do not fit.
    """
    rank = max(v.rank for v in values)
    found = apart([replace(v, axes=((),) * (rank - v.rank) + v.axes) for v in values])
    for k in range(rank):
        lead = next((v.axes[k] for v in found if is_free(v.axes[k])), None)
        if lead is None:
            lead = next((v.axes[k] for v in found if v.axes[k]), ())
        for j, value in enumerate(found):
            if value.axes[k] and value.axes[k] != lead:
                found = unified(found, j, k, lead)
                lead = found[j].axes[k]
    axes = tuple(next((v.axes[k] for v in found if v.axes[k]), ()) for k in range(rank))
    return axes, found


def apart(values: Sequence[GraphValue]) -> list[GraphValue]:
    """Values none of which has an atom of another at another axis, as x and its transpose do."""
    found: list[GraphValue] = []
    for value in values:
        places = {atom: k for v in found for k, axis in enumerate(v.axes) for atom in axis}
        own = [(atom, k) for k, axis in enumerate(value.axes) for atom in axis if not atom.free]
        clash = any(places.get(atom, k) != k for atom, k in own)
        found.append(with_own_atoms(value) if clash else value)
    return found


def with_own_atoms(value: GraphValue) -> GraphValue:
    """The same value by atoms that no other has."""
    return with_atoms(value, {atom: (Atom(atom.size),) for atom in fixed(value.axes)})


def unified(values: list[GraphValue], j: int, k: int, lead: Axis) -> list[GraphValue]:
    """The operands once axis k of operand j has the atoms of `lead`."""
    own = values[j].axes[k]
    if is_free(lead) != is_free(own) or size_of(lead) != size_of(own):
        refuse_sizes(lead, own)
    if is_free(lead):
        if [(a.size, a.free) for a in lead] != [(a.size, a.free) for a in own]:
            refuse_sizes(lead, own)
        return renamed(values, dict(zip(own, lead, strict=True)))
    new = split(lead, [a.size for a in own])
    if new is None:
        return merged(values, k)
    values = [with_atoms(v, new) for v in values]
    (refined,) = replaced((lead,), new)
    finer = split(own, [a.size for a in refined]) or {}
    return renamed([with_atoms(v, finer) for v in values],
                   dict(zip(replaced((own,), finer)[0], refined, strict=True)))  # fmt: skip


def refuse_sizes(a: Axis, b: Axis) -> None:
    """Raises `DataError`: two sizes do not broadcast, or one of them counts examples."""
    if is_free(a) != is_free(b):
        free, other = (a, b) if is_free(a) else (b, a)
        raise DataError(
            f"it mixes {mixes(free)}: an axis of size {size_of(other)} meets the axis of them"
        )
    raise DataError(f"sizes {size_of(a)} and {size_of(b)} do not fit")


def renamed(values: list[GraphValue], same: dict[Atom, Atom]) -> list[GraphValue]:
    """Values in which some atoms are replaced by others."""
    new: dict[Atom, Axis] = {old: (atom,) for old, atom in same.items() if old is not atom}
    return [with_atoms(v, new) for v in values]


def merged(values: list[GraphValue], k: int) -> list[GraphValue]:
    """Operands whose axis k is one and the same atom."""
    whole = Atom(max(size_of(v.axes[k]) for v in values))
    return [as_one(v, k, whole) if v.axes[k] else v for v in values]


def as_one(value: GraphValue, k: int, whole: Atom) -> GraphValue:
    """A value whose axis k becomes a single atom instead of a product."""
    old = value.axes[k]
    axes = (*value.axes[:k], (whole,), *value.axes[k + 1 :])
    if value.expr is None:
        return replace(value, axes=axes)
    want = slots_of(value.axes)
    expr = rearrange(value.expr, value.slots, want)
    return replace(
        value, axes=axes, expr=expr, slots=tuple((whole,) if s == old else s for s in want)
    )


def common_slots(axes: Axes, values: Sequence[GraphValue]) -> Axes:
    """The slots of the result: those of the largest operand, if that has all axes.

    Beside single numbers it stays as it lies.
    """
    atoms = set(fixed(axes))
    computed = [v for v in values if v.expr is not None]
    for value in sorted(computed, key=lambda v: -len(fixed(v.axes))):
        if set(fixed(value.axes)) == atoms:
            alone = not any(fixed(v.axes) for v in values if v is not value)
            return value.slots if alone else opened_slots(replace(value, axes=axes))
    return slots_of(axes)


def operand(value: GraphValue, slots: Axes, constants: Constants) -> tuple[Expr, int]:
    """An operand in the result's slots, and how many of them it has.

    Slots that the operand lacks have size 1; in front they are left out, as broadcasting adds them,
    unless the operand has them already.
    """
    own = set(fixed(value.axes))
    want = tuple(tuple(a for a in slot if a in own) for slot in slots)
    if value.expr is not None and value.slots == want:
        return value.expr, len(want)
    while want and not want[0]:
        want = want[1:]
    if value.expr is None:
        return constants(value, want), len(want)
    return rearrange(value.expr, value.slots, want), len(want)


def align(values: Sequence[GraphValue], constants: Constants) -> tuple[list[Expr], Axes, Axes]:
    """The operands as expressions that broadcast; also the axes and the slots of the result."""
    axes, values = broadcast_axes(values)
    slots = common_slots(axes, values)
    found = [operand(v, slots, constants) for v in values]
    rank = max(count for _, count in found)
    return [expr for expr, _ in found], axes, slots[len(slots) - rank :]
