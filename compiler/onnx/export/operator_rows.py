"""Operators that are neither elementwise nor about time, in ONNX, a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Node
from gradc_compiler.onnx.export.convolutions import pooled
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor, real, repeated
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.index import Increment, Scatter, Take
from gradc_compiler.ops.leaf import Constant, Iota, Literal
from gradc_compiler.ops.reduce import ArgMax, BatchMean, Max
from gradc_compiler.ops.sequence import TimePosition
from gradc_compiler.ops.shape import Concat, Reshape
from gradc_compiler.ops.sorting import AddAlong, ArgSort, TakeAlong

Rule = Callable[[ExportContext, Node, list[Tensor]], Tensor]


def lead_of(xs: list[Tensor]) -> int:
    """The number of lead axes of a result with these operands."""
    return max((x.lead for x in xs), default=0)


def at_lead(c: ExportContext, x: Tensor, lead: int, node: Node) -> Tensor:
    """An operand with as many axes in front as the result has."""
    return repeated(c, x, node.type.time if lead == 2 else None) if lead else x


def _constant(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    op = node.op
    assert isinstance(op, Constant | Literal | Iota)
    return Tensor(c.writer.constant(op.reference()[0]), 0, node.type)


def _reshape(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (x,) = xs
    return Tensor(c.writer.reshaped(x.name, x.lead, node.type.shape), x.lead, node.type)


def _concat(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    op, lead = node.op, lead_of(xs)
    assert isinstance(op, Concat)
    parts = [at_lead(c, x, lead, node) for x in xs]
    names = [real(c.writer, x) for x in parts]
    return Tensor(c.writer.add("Concat", *names, axis=lead + op.axis), lead, node.type)


def _max(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (x,), op = xs, node.op
    assert isinstance(op, Max)
    seen = c.graph[node.inputs[0]]
    if isinstance(seen.op, Contract) and x.lead == 1 and len(seen.inputs) == 1:
        image = c.tensors[seen.inputs[0]]
        if (name := pooled(c.writer, seen.op, image, op.axes)) is not None:
            return Tensor(name, 1, node.type)
    axes = c.writer.whole([x.lead + axis for axis in op.axes])
    name = c.writer.add("ReduceMax", real(c.writer, x), axes, keepdims=0)
    return Tensor(name, x.lead, node.type)


def _argmax(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (x,) = xs
    name = c.writer.add("ArgMax", real(c.writer, x), axis=x.rank - 1, keepdims=0)
    return Tensor(name, x.lead, node.type)


def _batch_mean(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (x,), w = xs, c.writer
    if x.lead == 0:
        return Tensor(real(w, x), 0, node.type)
    return Tensor(w.add("ReduceMean", real(w, x), w.whole([0]), keepdims=0), 0, node.type)


def _increment(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    return Tensor(c.writer.add("Add", xs[0].name, c.writer.whole(1)), xs[0].lead, node.type)


def _cumsum(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (x,), op, w = xs, node.op, c.writer
    assert isinstance(op, CumSum)
    how: dict[str, Any] = {"reverse": 1} if op.backwards else {}
    name = w.add("CumSum", real(w, x), w.whole(x.lead + op.axis), **how)
    return Tensor(name, x.lead, node.type)


def _argsort(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    """Places in rising order, by `TopK`, which keeps ties in their order; NaN counts as the
    greatest number.
    """
    (x,), w = xs, c.writer
    numbers = real(w, x)
    numbers = w.add("Where", w.add("IsNaN", numbers), w.constant(np.inf), numbers)
    inputs = (numbers, w.whole([x.shape[-1]]))
    places = w.add_many("TopK", inputs, ("", ""), axis=x.rank - 1, largest=0, sorted=1)[1]
    return Tensor(places, x.lead, node.type)


def _take(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (table, index), w = xs, c.writer
    at = c.graph[node.inputs[1]].op
    if isinstance(at, TimePosition) and at.time == table.shape[0] and table.lead < 2:
        # [batch, time, ...]: they lie as a sequence does
        return Tensor(repeated(c, table).name, 2, node.type)
    rows, lead = real(w, table), max(table.lead, index.lead)
    if table.lead == 0:
        return Tensor(w.add("Gather", rows, index.name, axis=0), lead, node.type)
    if index.lead == 0:
        return Tensor(w.add("Gather", rows, index.name, axis=table.lead), lead, node.type)
    if index.lead < table.lead:
        index = at_lead(c, index, lead, node)
    places = w.unsqueezed(index.name, [index.rank])
    name = w.add("GatherND", rows, places, batch_dims=table.lead)
    return Tensor(name, lead, node.type)


def _scatter(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    """A tensor [rows, width] of zeros, to which the given rows are added at their places."""
    op, w, lead = node.op, c.writer, lead_of(xs)
    assert isinstance(op, Scatter)
    x, index = (at_lead(c, x, lead, node) for x in xs)
    count, width = prod(index.shape), prod(node.type.shape[1:])
    values = w.reshaped(real(w, x), lead, [count, width])
    places = w.reshaped(index.name, lead, [count, 1])
    places = w.add("Expand", places, w.whole([*[1] * lead, count, width]))
    zeros = _zeros(c, node, lead, (op.rows, width))
    added = w.add("ScatterElements", zeros, places, values, axis=lead, reduction="add")
    return Tensor(w.reshaped(added, lead, node.type.shape), lead, node.type)


def _zeros(c: ExportContext, node: Node, lead: int, shape: tuple[int, ...]) -> str:
    """Zeros of a shape, for each example or element."""
    zeros = Tensor(c.writer.constant(np.zeros(shape)), 0, node.type)
    plain = Tensor(zeros.name, 0, type(node.type)(shape))
    return at_lead(c, plain, lead, node).name


def _take_along(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    lead, w = lead_of(xs), c.writer
    x, index = (at_lead(c, x, lead, node) for x in xs)
    name = w.add("GatherElements", real(w, x), index.name, axis=index.rank - 1)
    return Tensor(name, lead, node.type)


def _add_along(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    lead, w = lead_of(xs), c.writer
    x, index = (at_lead(c, x, lead, node) for x in xs)
    inputs = (_zeros(c, node, lead, node.type.shape), index.name, real(w, x))
    name = w.add("ScatterElements", *inputs, axis=index.rank - 1, reduction="add")
    return Tensor(name, lead, node.type)


OPERATOR_ROWS: Mapping[type, Rule] = {
    Constant: _constant,
    Literal: _constant,
    Iota: _constant,
    Reshape: _reshape,
    Concat: _concat,
    Max: _max,
    ArgMax: _argmax,
    BatchMean: _batch_mean,
    Increment: _increment,
    CumSum: _cumsum,
    ArgSort: _argsort,
    Take: _take,
    Scatter: _scatter,
    TakeAlong: _take_along,
    AddAlong: _add_along,
}
