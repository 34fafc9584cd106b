"""The ends of a sequence: an axis of the time becomes an axis of 1, or none."""

from __future__ import annotations

from gradc_runtime.onnx.importer.expression import call
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.moving import with_axis
from gradc_runtime.onnx.importer.rule import RuleContext


def end_of_time(n: RuleContext, x: GraphValue, axis: int, *, last: bool, keep: bool) -> GraphValue:
    """The last or first element."""
    expr, slots = n.opened(x)
    axes = with_axis(x.axes, axis, [()] if keep else [])
    want = tuple(slot for slot in slots if slot) if keep else slots
    found = call("last" if last else "first", n.expr(x, want))
    del expr
    return n.made(found, axes, want, x.kind)
