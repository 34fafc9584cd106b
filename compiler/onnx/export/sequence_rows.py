"""Operators that know about time, in ONNX, a row each: see `compiler/ops/sequence.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradc_compiler.graph.graph import Node
from gradc_compiler.graph.types import Time
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor, repeated, zero_of
from gradc_compiler.onnx.export.sequence_times import Times
from gradc_compiler.ops.index import Scatter
from gradc_compiler.ops.sequence import (
    AtLast,
    FromRows,
    Last,
    Length,
    Previous,
    Reverse,
    TimeBroadcast,
    TimePosition,
    TimeSum,
)

Rule = Callable[[ExportContext, Node, list[Tensor]], Tensor]


def _spread(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    return repeated(c, xs[0], node.type.time)


def _total(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    """The sum over time of what lies inside."""
    if (rows := rows_of(c, node)) is not None:
        return rows
    w = c.writer
    name = w.add("ReduceSum", only_inside(c, xs[0]), w.whole([1]), keepdims=0)
    return Tensor(name, 1, node.type)


def rows_of(c: ExportContext, node: Node) -> Tensor | None:
    """The rows that lie there already, where the elements of a sequence of fixed length are each
    put at their own place and added up: that is how the language says `from_rows`.
    """
    placed = c.graph[node.inputs[0]]
    if not isinstance(placed.op, Scatter) or placed.op.pair:
        return None
    at = c.graph[placed.inputs[1]].op
    if not isinstance(at, TimePosition) or at.time != placed.op.rows:
        return None
    x = c.tensors[placed.inputs[0]]
    return Tensor(x.name, 1, node.type) if x.lead == 2 else None


def only_inside(c: ExportContext, x: Tensor) -> str:
    """A sequence that is 0 beyond its end."""
    if isinstance(x.time, int):
        return x.name
    inside = c.times.is_inside(x.time, len(x.shape))
    return c.writer.add("Where", inside, x.name, zero_of(c.writer, x.type))


def _end(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    """The last element, or the first.

    Where a sequence may be empty, a 0 is put behind all, which is at place -1.
    """
    (x,), w, op = xs, c.writer, node.op
    assert isinstance(op, Last)
    known, first = c.ends.get(node.inputs[0], ("", False))
    if known and op.first == first:
        return Tensor(known, 1, node.type)
    if isinstance(x.time, int) and x.time:
        at = w.whole(0 if op.first else x.time - 1)
        return Tensor(w.add("Gather", x.name, at, axis=1), 1, node.type)
    margins = w.whole([0] * x.rank + [0, 1] + [0] * len(x.shape))
    length = c.times.length(x.time)
    count = w.once("Min", length, w.whole(1)) if op.first else length
    at = w.once("Unsqueeze", w.once("Sub", count, w.whole(1)), w.whole([1]))
    padded = w.add("Pad", x.name, margins)
    return Tensor(w.add("GatherND", padded, at, batch_dims=1), 1, node.type)


def _at_end(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    op, w = node.op, c.writer
    assert isinstance(op, AtLast)
    x = repeated(c, xs[0], op.time)
    here = c.times.is_end(op.time, len(x.shape), op.first)
    return Tensor(w.add("Where", here, x.name, w.constant(0.0)), 2, node.type)


def _reverse(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    (x,) = xs
    return Tensor(reversed_in_time(c.writer, c.times, x.name, x.time), 2, node.type)


def reversed_in_time(w: GraphWriter, times: Times, name: str, time: Time) -> str:
    """A sequence from its end to its beginning."""
    return w.add("ReverseSequence", name, times.length(time), batch_axis=0, time_axis=1)


def _from_rows(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    return Tensor(xs[0].name, 1, node.type)


def _length(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    assert isinstance(node.op, Length)
    return Tensor(c.times.length(node.op.time), 1, node.type)


def _position(c: ExportContext, node: Node, xs: list[Tensor]) -> Tensor:
    assert isinstance(node.op, TimePosition)
    places = Tensor(c.times.places(node.op.time), 0, node.type.over(None))
    row = c.writer.once("Unsqueeze", places.name, c.writer.whole([0]))
    whole = c.writer.once("Concat", c.times.batch(), c.times.steps(node.op.time), axis=0)
    return Tensor(c.writer.once("Expand", row, whole), 2, node.type)


def shifted(c: ExportContext, node: Node, start: Tensor, carried: Tensor) -> Tensor:
    """What another sequence has one step before (or after), at the first step `start`."""
    op, w = node.op, c.writer
    assert isinstance(op, Previous)
    begin = w.unsqueezed(repeated(c, start).name, [1])
    if not op.backwards:
        both = w.add("Concat", begin, carried.name, axis=1)
        return Tensor(w.sliced(both, {1: (0, -1, 1)}), 2, node.type)
    both = w.add("Concat", carried.name, begin, axis=1)
    later = w.sliced(both, {1: (1, 2**62, 1)})
    here = c.times.is_end(op.time, len(start.shape), False)
    return Tensor(w.add("Where", here, begin, later), 2, node.type)


SEQUENCE_ROWS: Mapping[type, Rule] = {
    TimeBroadcast: _spread,
    TimeSum: _total,
    Last: _end,
    AtLast: _at_end,
    Reverse: _reverse,
    FromRows: _from_rows,
    Length: _length,
    TimePosition: _position,
}
