"""Numbers moved only where an operator wants them elsewhere: from slots to other slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_runtime.onnx.importer.atoms import (
    Atom,
    Axes,
    Axis,
    fixed,
    is_free,
    replaced,
    sizes,
    slots_of,
)
from gradc_runtime.onnx.importer.expression import CHAIN, Expr, pipe, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue, Scores


def rearrange(expr: Expr, have: Axes, want: Axes) -> Expr:
    """An expression that lies in slots `have`, in slots `want` of the same atoms."""
    if have == want:
        return expr
    atoms, wanted = fixed(have), fixed(want)
    if atoms == wanted:
        return reshaped(expr, have, want)
    order = ordered_slots(have, wanted)
    if order is None:  # some slot is torn apart
        apart = tuple((atom,) for atom in atoms)
        return rearrange(reshaped(expr, have, apart), apart, want)
    moved = tuple(have[k] for k in order)
    turned = pipe(expr, f"transpose({tuple(order)})")
    return reshaped(turned, moved, want)


def ordered_slots(have: Axes, wanted: Sequence[Atom]) -> list[int] | None:
    """The order of whole slots that puts the atoms in order; those of size 1 go first."""
    order = [k for k, slot in enumerate(have) if not slot]
    where = {slot[0]: k for k, slot in enumerate(have) if slot}
    at = 0
    while at < len(wanted):
        k = where.get(wanted[at])
        if k is None or tuple(wanted[at : at + len(have[k])]) != have[k]:
            return None
        order.append(k)
        at += len(have[k])
    return order


def reshaped(expr: Expr, have: Axes, want: Axes) -> Expr:
    """An expression with the same numbers in the same order, reshaped to other slots."""
    if sizes(have) == sizes(want):
        return expr
    if len(want) == 1 and len(have) > 1:
        return pipe(expr, "flatten")
    form = shape_text(sizes(want)) if want else "scalar"
    return pipe(expr, f"as({form})")


def with_atoms(value: GraphValue, new: dict[Atom, Axis]) -> GraphValue:
    """A value whose atoms are known as products of others."""
    if not new:
        return value
    meaning = value.meaning
    if isinstance(meaning, Scores):
        meaning = replace(meaning, q=with_atoms(meaning.q, new), k=with_atoms(meaning.k, new))
    axes, slots = replaced(value.axes, new), replaced(value.slots, new)
    return replace(value, axes=axes, slots=slots, meaning=meaning)


def opened_slots(value: GraphValue) -> Axes:
    """A slot for each axis (`slots_of`), in the order in which the value lies where it can be.

    An image that lies as `[h, w, c]` stays so; whatever lies otherwise is wanted as ONNX has it.
    """
    plain = slots_of(value.axes)
    units = [slot for slot in plain if not slot]
    own = [slot for slot in value.slots if slot]
    if not units and sorted(map(id_of, own)) == sorted(map(id_of, plain)):
        return tuple(own)
    return plain


def id_of(slot: Axis) -> tuple[int, ...]:
    """A key that is equal for slots of the same atoms."""
    return tuple(map(id, slot))


def place_of(axes: Axes, axis: int, slots: Axes) -> int:
    """The number of the slot (of `opened_slots`) that belongs to an axis, which is not free."""
    wanted = axes[axis]
    if wanted:
        return slots.index(wanted)
    units = [k for k, slot in enumerate(slots) if not slot]
    before = sum(1 for other in axes[:axis] if not other and not is_free(other))
    return units[before]


__all__ = ["CHAIN", "opened_slots", "place_of", "rearrange", "with_atoms"]
