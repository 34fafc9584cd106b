"""What several rules do to one axis: put it last, choose places along it, repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from gradc_runtime.onnx.importer.arrange import place_of
from gradc_runtime.onnx.importer.atoms import (
    Atom,
    Axes,
    Axis,
    axis_of,
    fixed,
    size_of,
    sizes,
    slots_of,
)
from gradc_runtime.onnx.importer.expression import Expr, call, part, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.rule import RuleContext

LETTERS = "abcdefghijklmnopqrsuvwxyz"  # of indices in a contraction


def last(n: RuleContext, value: GraphValue, axis: int) -> tuple[Expr, Axes]:
    """A value with one axis as its last slot."""
    n.require_own(value, axis)
    _, slots = n.opened(value)
    k = place_of(value.axes, axis, slots)
    want = (*slots[:k], *slots[k + 1 :], slots[k])
    return n.expr(value, want), want


def with_axis(axes: Axes, axis: int, new: Sequence[Axis]) -> Axes:
    """Axes with one replaced by others, or by none."""
    return (*axes[:axis], *new, *axes[axis + 1 :])


def along(
    n: RuleContext, value: GraphValue, axis: int, places: Sequence[int], name: str = ""
) -> GraphValue:
    """The parts of a value at places along an axis, in that order; a place may come again."""
    size = size_of(value.axes[axis])
    if not isinstance(places, range):
        places = [p + size if p < 0 else p for p in places]
        bounded([len(places)])
    if len(places) == size and as_range(places) == range(size):
        return value
    if value.array is not None and not value.trained:
        array = np.take(value.array, places, axis)
        axes = with_axis(value.axes, axis, [axis_of(len(places))])
        return replace(value, array=array, axes=axes)
    n.require_own(value, axis)
    expr, slots = n.opened(value)
    k = place_of(value.axes, axis, slots)
    new = axis_of(len(places))
    return n.made(
        chosen(expr, sizes(slots), k, places), with_axis(value.axes, axis, [new]),
        (*slots[:k], new, *slots[k + 1 :]), value.kind,
    )  # fmt: skip


def chosen(expr: Expr, shape: list[int], k: int, places: Sequence[int]) -> Expr:
    """The expression of places along slot k: a part, a stride, or rows by label."""
    if not places:
        return call("zeros", Expr(shape_text([*shape[:k], 0, *shape[k + 1 :]])))
    even = as_range(places)
    if even is not None and (even.step == 1 or len(even) == 1):
        return sliced(expr, len(shape), k, even[0], even[-1] + 1)
    if even is not None:
        return strided(expr, len(shape), k, len(even), even[0], even.step)
    table = np.asarray(places)
    order = [k, *(j for j in range(len(shape)) if j != k)]
    turned = expr if k == 0 else call("transpose", expr, Expr(f"({', '.join(map(str, order))})"))
    rows = call("take", turned, labels(literal(table), [len(table)], shape[k]))
    if k == 0:
        return rows
    back = [order.index(j) for j in range(len(shape))]
    return call("transpose", rows, Expr(f"({', '.join(map(str, back))})"))


def as_range(places: Sequence[int]) -> range | None:
    """Places of equal distance as a range; None for others."""
    if isinstance(places, range):
        return places
    steps = {b - a for a, b in pairwise(places)} or {1}
    if not places or len(steps) > 1 or 0 in steps:
        return None
    step = steps.pop()
    return range(places[0], places[-1] + step, step)


def sliced(expr: Expr, rank: int, k: int, begin: int, end: int) -> Expr:
    """The places from `begin` to `end` along slot k."""
    del rank
    return part(expr, ", ".join([":"] * k + [f"{begin}:{end}"]))


def strided(expr: Expr, rank: int, k: int, count: int, first: int, step: int) -> Expr:
    """Every `step`-th place along slot k, forwards or backwards."""
    names = list(LETTERS[:rank])
    move = f"{'' if abs(step) == 1 else f'{abs(step)}*'}{names[k]}"
    moved = f"{first} - {move}" if step < 0 else f"{move} + {first}" if first else move
    read = ", ".join([*names[:k], moved, *names[k + 1 :]])
    written = ", ".join(f"{x} < {count}" if j == k else x for j, x in enumerate(names))
    return Expr(f"contract({written} : {{}}[{read}])", (expr,), 9, (9,))


def literal(array: np.ndarray) -> Expr:
    """Whole numbers written out."""
    if array.size == 0:
        return Expr(f"zeros({shape_text(list(array.shape))})")
    written = ", ".join(str(int(x)) for x in array.flat)
    return Expr(f"tensor({written}, shape = {shape_text(list(array.shape))})")


def labels(places: Expr, shape: Sequence[int], classes: int) -> Expr:
    """Whole numbers as labels, which index: the place of the number that is equal."""
    open_ = call("reshape", places, Expr(shape_text([*shape, 1])))
    return call("argmax", Expr(f"{{}} == iota({classes})", (open_,), 4, (5,)))


def repeated(n: RuleContext, value: GraphValue, axis: int, times: int, *, each: bool) -> GraphValue:
    """An axis `times` over: every place, or the whole axis one after another."""
    if times == 1:
        return value
    n.require_own(value, axis)
    expr, slots = n.opened(value)
    k = place_of(value.axes, axis, slots)
    new = Atom(times)
    old = slots[k]
    pair = [old, (new,)] if each else [(new,), old]
    shape = sizes(slots)
    open_ = [shape[k], 1] if each else [1, shape[k]]
    wide = [shape[k], times] if each else [times, shape[k]]
    apart = call("reshape", expr, Expr(shape_text([*shape[:k], *open_, *shape[k + 1 :]])))
    full = call("broadcast", apart, Expr(shape_text([*shape[:k], *wide, *shape[k + 1 :]])))
    whole = tuple(a for slot in pair for a in slot)
    axes = with_axis(value.axes, axis, [whole])
    return n.made(full, axes, (*slots[:k], *pair, *slots[k + 1 :]), value.kind)


__all__ = ["fixed", "last", "slots_of"]
