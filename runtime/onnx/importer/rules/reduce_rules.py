"""Reductions over axes, and what goes along one: arguments, running sums, orders."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import mul
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.arrange import place_of
from gradc_runtime.onnx.importer.atoms import Axes, size_of, sizes, slots_of
from gradc_runtime.onnx.importer.attention import softened
from gradc_runtime.onnx.importer.expression import (
    Expr,
    call,
    list_text,
    number,
    part,
    pipe,
    shape_text,
)
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.moving import last, strided, with_axis
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError

LONGEST_PRODUCT = 256


def axes_of_node(n: RuleContext, value: GraphValue) -> list[int] | None:
    """The axes that are reduced, all if nothing is said; None: none at all."""
    given = n.integers(1, "axes")
    if not given:
        if n.attr("noop_with_empty_axes", 0):
            return None
        return list(range(value.rank))
    return sorted({n.axis(value, a) for a in given})


def reduced(n: RuleContext, write: Callable[[Expr, list[int], Axes], Expr], x: GraphValue,
            kind: Any = None) -> GraphValue:  # fmt: skip
    """A reduction of x over the axes that the node names."""
    axes = axes_of_node(n, x)
    if axes is None:
        return n.same(x)
    n.require_own(x, *axes)
    expr, slots = n.opened(x)
    places = sorted(place_of(x.axes, a, slots) for a in axes)
    found = write(expr, places, slots) if places else expr
    left = tuple(slot for k, slot in enumerate(slots) if k not in places)
    kept = n.attr("keepdims", 1)
    result = tuple(
        () if k in axes else axis for k, axis in enumerate(x.axes) if kept or k not in axes
    )
    return n.made(found, result, left, kind)


def over(function: str, expr: Expr, places: list[int], slots: Axes) -> Expr:
    """`sum(x, axis = 0)`; over all axes without saying so."""
    if len(places) == len(slots):
        return call(function, expr)
    return call(function, expr, axis=list_text(places))


def total(expr: Expr, places: list[int], slots: Axes) -> Expr:
    """A sum."""
    return over("sum", expr, places, slots)


def reduction(operator: str, written: str, write: Callable[[Expr, list[int], Axes], Expr]) -> None:
    """The rule of a reduction."""

    @rule(operator, written)
    def lower(n: RuleContext) -> GraphValue:
        return reduced(n, write, n.value())


def product(expr: Expr, places: list[int], slots: Axes) -> Expr:
    """A product, place by place.

    Raises `DataError` for a long one, which the language has no operator for.
    """
    if np.prod([size_of(slots[k]) for k in places]) > LONGEST_PRODUCT:
        raise DataError(f"a product of more than {LONGEST_PRODUCT} numbers")
    for k in sorted(places, reverse=True):
        before = ", ".join([":"] * k)
        parts = [part(expr, f"{before}, {i}" if k else f"{i}") for i in range(size_of(slots[k]))]
        rest = [size_of(s) for s in slots[:k]] + [size_of(s) for s in slots[k + 1 :]]
        expr = reduce(mul, parts) if parts else call("ones", Expr(shape_text(rest)))
        slots = (*slots[:k], *slots[k + 1 :])
    return expr


def log_sum_exp(expr: Expr, places: list[int], slots: Axes) -> Expr:
    """log(sum(exp(x))) without overflow: by the prelude's, along one axis put last."""
    rest = [k for k in range(len(slots)) if k not in places]
    shape = sizes(slots)
    if not all(shape[k] for k in places):
        return call("full", Expr(shape_text([shape[k] for k in rest])), Expr("log(zeros([]))"))
    order = [*rest, *places]
    if order != list(range(len(slots))):
        expr = call("transpose", expr, Expr(f"({', '.join(map(str, order))})"))
    if len(places) != 1:
        many = int(np.prod([shape[k] for k in places]))
        expr = call("reshape", expr, Expr(shape_text([*[shape[k] for k in rest], many])))
    return pipe(expr, "logsumexp")


reduction("ReduceSum", "sum", total)
reduction("ReduceMean", "mean", lambda e, p, s: over("mean", e, p, s))
reduction("ReduceL1", "sum(abs(x))", lambda e, p, s: total(call("abs", e), p, s))
reduction("ReduceL2", "sqrt(sum(x^2))", lambda e, p, s: call("sqrt", total(e * e, p, s)))
reduction("ReduceSumSquare", "sum(x^2)", lambda e, p, s: total(e * e, p, s))
reduction("ReduceLogSum", "log(sum(x))", lambda e, p, s: call("log", total(e, p, s)))
reduction("ReduceLogSumExp", "logsumexp", log_sum_exp)
reduction("ReduceProd", "a product written out", product)


@rule("ReduceMax ReduceMin", "max, min")
def extreme(n: RuleContext) -> GraphValue:
    """The greatest or least; of no numbers what is below or above all of their kind."""
    function, kind = ("max" if n.op == "ReduceMax" else "min"), n.value().kind

    def write(expr: Expr, places: list[int], slots: Axes) -> Expr:
        if all(size_of(slots[k]) for k in places):
            return over(function, expr, places, slots)
        rest = [size_of(s) for k, s in enumerate(slots) if k not in places]
        return call("full", Expr(shape_text(rest)), number(limit_of(kind, low=function == "max")))

    return reduced(n, write, n.value())


def limit_of(kind: np.dtype[Any], *, low: bool) -> Any:
    """The least or greatest number of a kind."""
    if kind.kind == "b":
        return int(not low)
    if kind.kind in "iu":
        return np.iinfo(kind).min if low else np.iinfo(kind).max
    return kind.type(-np.inf if low else np.inf)


@rule("ArgMax ArgMin", "iota(n)[argmax(x)]")
def arg_extreme(n: RuleContext) -> GraphValue:
    """The place of the greatest or least element, the first or the last of several."""
    x = n.value()
    axis = n.axis(x, n.attr("axis", 0))
    size = size_of(x.axes[axis])
    expr, slots = last(n, x, axis)
    expr = expr if n.op == "ArgMax" else -expr
    backwards = n.attr("select_last_index", 0)
    if backwards:
        expr = strided(expr, len(slots), len(slots) - 1, size, size - 1, -1)
    place = Expr(f"iota({size})[{{}}]", (call("argmax", expr),), 9, (0,))
    place = size - 1 - place if backwards else place
    kept = [()] if n.attr("keepdims", 1) else []
    return n.made(place, with_axis(x.axes, axis, kept), slots[:-1], np.int64)


@rule("Softmax LogSoftmax", "softmax, log_softmax")
def softmax(n: RuleContext) -> GraphValue:
    """Along one axis; in versions before 13 along all from one on, taken together."""
    x = n.value()
    layer = "softmax" if n.op == "Softmax" else "log_softmax"
    axis = n.axis(x, n.attr("axis", 1 if n.opset < 13 else -1))
    if n.opset >= 13:
        expr, slots = last(n, x, axis)
    else:
        n.require_own(x, *range(axis, x.rank))
        whole = tuple(a for own in x.axes[axis:] for a in own)
        slots = (*slots_of(x.axes[:axis]), whole)
        expr = n.expr(x, slots)
    found = n.made(pipe(expr, layer), x.axes, slots)
    return softened(found, x) if (n.op, axis) == ("Softmax", x.rank - 1) else found


@rule("Hardmax", "iota(n) == argmax(x)")
def hardmax(n: RuleContext) -> GraphValue:
    """1 at the first of the greatest numbers, 0 elsewhere."""
    x = n.value()
    axis = n.axis(x, n.attr("axis", 1 if n.opset < 13 else -1))
    if n.opset >= 13:
        expr, slots = last(n, x, axis)
    else:
        n.require_own(x, *range(axis, x.rank))
        whole = tuple(a for own in x.axes[axis:] for a in own)
        slots = (*slots_of(x.axes[:axis]), whole)
        expr = n.expr(x, slots)
    hot = call("one_hot", call("argmax", expr), Expr(str(size_of(slots[-1]))))
    return n.made(hot, x.axes, slots)
