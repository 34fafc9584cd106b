"""What goes along one axis: running sums and products, and orders."""

from __future__ import annotations

import numpy as np

from gradc_runtime.onnx.importer.arrange import place_of
from gradc_runtime.onnx.importer.atoms import Atom, size_of, sizes
from gradc_runtime.onnx.importer.expression import Expr, call, part, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.moving import last, with_axis
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.reduce_rules import LONGEST_PRODUCT
from gradc_runtime.system.errors import DataError


@rule("CumSum", "cumsum")
def cumsum(n: RuleContext) -> GraphValue:
    """Running sums along an axis, forwards or backwards, of all before alone if that is asked."""
    x = n.value()
    axis = n.axis(x, int(n.array(1).reshape(())))
    n.require_own(x, axis)
    expr, slots = n.opened(x)
    k = place_of(x.axes, axis, slots)
    how = {"axis": str(k)} | ({"backwards": "true"} if n.attr("reverse", 0) else {})
    found = call("cumsum", expr, **how)
    if n.attr("exclusive", 0):
        found = shifted(found, sizes(slots), k, "zeros", back=bool(n.attr("reverse", 0)))
    return n.made(found, x.axes, slots)


def shifted(expr: Expr, shape: list[int], k: int, first: str, *, back: bool) -> Expr:
    """One place later along slot k, or earlier, with 0 or 1 where nothing was."""
    size = shape[k]
    before = ", ".join([":"] * k + [f"1:{size}" if back else f"0:{size - 1}"])
    zero = call(first, Expr(shape_text([*shape[:k], 1, *shape[k + 1 :]])))
    pair = (part(expr, before), zero) if back else (zero, part(expr, before))
    return call("concat", *pair, axis=str(k))


@rule("CumProd", "products written out")
def cumprod(n: RuleContext) -> GraphValue:
    """Running products along a short axis.

    Raises `DataError` for a long one.
    """
    x = n.value()
    axis = n.axis(x, int(n.array(1).reshape(())))
    n.require_own(x, axis)
    expr, slots = n.opened(x)
    k = place_of(x.axes, axis, slots)
    shape = sizes(slots)
    if shape[k] > LONGEST_PRODUCT:
        raise DataError(f"a product of more than {LONGEST_PRODUCT} numbers")
    order = range(shape[k]) if not n.attr("reverse", 0) else range(shape[k] - 1, -1, -1)
    rows: list[Expr] = []
    for i in order:
        row = part(expr, ", ".join([":"] * k + [f"{i}:{i + 1}"]))
        rows.append(rows[-1] * row if rows else row)
    rows = rows if not n.attr("reverse", 0) else rows[::-1]
    found = call("concat", *rows, axis=str(k)) if len(rows) > 1 else rows[0]
    if n.attr("exclusive", 0):
        found = shifted(found, shape, k, "ones", back=bool(n.attr("reverse", 0)))
    return n.made(found, x.axes, slots)


@rule("TopK", "take_along(x, argsort(-x))[..., 0:k]")
def top_k(n: RuleContext) -> list[GraphValue]:
    """The k greatest or least numbers along an axis, in order, and their places.

    Raises `DataError` where operands do not fit.
    """
    x = n.value()
    axis = n.axis(x, n.attr("axis", -1))
    k = n.integers(1, "k")[0]
    expr, slots = last(n, x, axis)
    size = size_of(slots[-1])
    if not 0 <= k <= size:
        raise DataError(f"{k} of {size} numbers")
    order = call("argsort", -expr if n.attr("largest", 1) else expr)
    front = ", ".join([":"] * (len(slots) - 1) + [f"0:{k}"])
    new = () if k == 1 else (Atom(k),)
    axes, lying = with_axis(x.axes, axis, [new]), (*slots[:-1], new)
    places = part(Expr(f"iota({size})[{{}}]", (order,), 9, (0,)), front)
    values = part(call("take_along", expr, order), front)
    return [n.made(values, axes, lying), n.made(places, axes, lying, np.int64)]
