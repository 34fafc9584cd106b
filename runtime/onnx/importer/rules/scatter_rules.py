"""Numbers put, or added up, at places that numbers say."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from gradc_runtime.onnx.importer.atoms import is_free, size_of, sizes, slots_of
from gradc_runtime.onnx.importer.expression import Expr, call, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.moving import labels, last
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.gather_rules import as_onnx, flat_index, wrapped
from gradc_runtime.system.errors import DataError


@rule("ScatterElements Scatter", "add_along")
def scatter_elements(n: RuleContext) -> GraphValue:
    """x with numbers put, or added, at places along an axis, in each row at its own.

    Raises `DataError` where operands do not fit.
    """
    adds, (x, places, updates) = scatter_operands(n)
    axis = n.axis(x, n.attr("axis", 0))
    size = size_of(x.axes[axis])
    base, slots = last(n, as_onnx(n, x), axis)
    index, lying = last(n, as_onnx(n, places), axis)
    own = slots_of(places.axes) if updates.expr is not None else ()
    new, _ = last(n, replace(as_onnx(n, updates), axes=places.axes, slots=own), axis)
    index = labels(wrapped(index, size), sizes(lying), size)
    shape = [size_of(s) for s in slots]
    wide = [*sizes(lying)[:-1], size]
    added = grown(call("add_along", new, index, Expr(str(size))), wide, shape)
    if adds:
        return n.made(base + added, x.axes, slots)
    ones = call("ones", Expr(shape_text(sizes(lying))))
    hit = grown(call("add_along", ones, index, Expr(str(size))), wide, shape)
    return n.made(call("where", hit, added, base), x.axes, slots)


def scatter_operands(n: RuleContext) -> tuple[bool, list[GraphValue]]:
    """Whether numbers are added to x; and x, places and updates.

    Raises `DataError` for another reduction, or where rows are examples.
    """
    values, how = [n.value(k) for k in range(3)], n.attr("reduction", "none")
    if how not in ("none", "add"):
        raise DataError(f"a reduction by `{how}`")
    if any(is_free(a) for v in values for a in v.axes):
        raise DataError("it writes into rows of examples")
    return how == "add", values


def grown(expr: Expr, have: list[int], want: list[int]) -> Expr:
    """Zeros behind, up to a shape."""
    if have == want:
        return expr
    after = [w - h for h, w in zip(have, want, strict=True)]
    return call("pad", expr, Expr(shape_text([0] * len(have))), Expr(shape_text(after)))


@rule("ScatterND", "scatter")
def scatter_nd(n: RuleContext) -> GraphValue:
    """x with parts put, or added, at places that several numbers say.

    Raises `DataError` where operands do not fit.
    """
    adds, (x, places, updates) = scatter_operands(n)
    shape = [size_of(a) for a in x.axes]
    depth = size_of(places.axes[-1])
    rows, rest = prod(shape[:depth]), shape[depth:]
    lead = [size_of(a) for a in places.axes[:-1]]
    count = prod(lead)
    index = call("reshape", flat_index(n, places, shape[:depth], 0), Expr(f"[{count}]"))
    index = labels(index, [count], rows)
    new = call("reshape", n.plain(updates), Expr(shape_text([count, *rest])))
    added = call("scatter", new, index, Expr(str(rows)))
    base = call("reshape", n.plain(x), Expr(shape_text([rows, *rest])))
    if adds:
        found = base + added
    else:
        ones = call("ones", Expr(shape_text([count, *[1] * len(rest)])))
        found = call("where", call("scatter", ones, index, Expr(str(rows))), added, base)
    return n.fresh(call("reshape", found, Expr(shape_text(shape))), shape)
