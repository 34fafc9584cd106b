"""Tables that follow from a size: masks, diagonals, windows over signals."""

from __future__ import annotations

import numpy as np

from gradc_runtime.onnx.importer.atoms import axis_of, size_of
from gradc_runtime.onnx.importer.expression import call
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.known_values import bounded
from gradc_runtime.onnx.importer.read_model import kind_of
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize


@rule("Trilu", "where(mask, x, 0)")
def trilu(n: RuleContext) -> GraphValue:
    """The part of each matrix above or below a diagonal."""
    x = n.value()
    n.require_own(x, x.rank - 1, x.rank - 2)
    k = int(n.array(1).reshape(())) if n.has(1) else 0
    shape = bounded([size_of(x.axes[-2]), size_of(x.axes[-1])])
    k = max(min(k, shape[1] + 1), -shape[0] - 1)
    ones = np.ones(shape, np.float32)
    mask = of_array("mask", np.triu(ones, k) if n.attr("upper", 1) else np.tril(ones, k))
    return n.elementwise(lambda m, e: call("where", m, e, 0), mask, x, kind=x.kind)


@rule("EyeLike", "a table written out")
def eye_like(n: RuleContext) -> GraphValue:
    """Ones on a diagonal."""
    x = n.value()
    kind = kind_of(n.attr("dtype"), "the result") if n.attr("dtype") else x.kind
    n.require_own(x, 0, 1)
    shape = bounded([size_of(axis) for axis in x.axes])
    return of_array(n.outputs[0], np.eye(shape[0], shape[1], n.attr("k", 0)).astype(kind))


@rule("ConstantOfShape", "a table, shared by all examples")
def constant_of_shape(n: RuleContext) -> GraphValue:
    """One number many times, for each example where the shape counts them."""
    value = np.asarray(n.attr("value", np.zeros(1, np.float32))).reshape(-1)
    shape = n.integers(0)
    axes = tuple(n.free_axis(s) if isinstance(s, FreeSize) else axis_of(s) for s in shape)
    array = np.full(bounded([size_of(a) for a in axes]), value[0], value.dtype)
    return GraphValue(name=n.outputs[0], axes=axes, kind=array.dtype, array=array)


@rule("HannWindow HammingWindow BlackmanWindow", "a table written out")
def taper(n: RuleContext) -> GraphValue:
    """Weights of a window over a signal: Harris, 1978."""
    size = int(n.array(0).reshape(()))
    bounded([size])
    last = size if n.attr("periodic", 1) else size - 1
    turn = 2 * np.pi * np.arange(size) / last
    a0, a1, a2 = {"HannWindow": (0.5, 0.5, 0.0), "HammingWindow": (25 / 46, 21 / 46, 0.0),
                  "BlackmanWindow": (0.42, 0.5, 0.08)}[n.op]  # fmt: skip
    table = a0 - a1 * np.cos(turn) + a2 * np.cos(2 * turn)
    return of_array(n.outputs[0], table.astype(np.float32))
