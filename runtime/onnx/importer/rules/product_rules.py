"""Products of matrices: `dense` where a learnt matrix meets vectors, else `@` or a contraction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradc_runtime.onnx.importer.atoms import axis_of, size_of, slots_of
from gradc_runtime.onnx.importer.batched_product import batched_product
from gradc_runtime.onnx.importer.expression import Weights, as_expr, pipe
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.system.errors import DataError


def dense(
    n: RuleContext, x: GraphValue, W: np.ndarray, b: np.ndarray, key: tuple[str, ...]
) -> GraphValue:
    """W x + b along the last axis of x: the prelude's `dense`, on each vector by itself.

    Raises `DataError` where sizes do not fit.
    """
    units = W.shape[0]
    n.require_own(x, x.rank - 1)
    if size_of(x.axes[-1]) != W.shape[1]:
        raise DataError(f"{size_of(x.axes[-1])} numbers meet a matrix of {list(W.shape)}")
    layer = f"dense({units})"
    for _ in slots_of(x.axes[:-1]):
        layer = f"each({layer})"
    weights = Weights("dense", {"W": W, "b": b}, key)
    slots = (*slots_of(x.axes[:-1]), x.axes[-1])
    axes = (*x.axes[:-1], axis_of(units))
    expr = pipe(n.expr(x, slots), layer, weights)
    return n.made(expr, axes, (*slots[:-1], axes[-1]))


@rule("MatMul", "dense, @")
def matmul(n: RuleContext) -> GraphValue:
    """`MatMul` of vectors, matrices or stacks of them.

    Raises `DataError` for a scalar.
    """
    a, b = n.value(0), n.value(1)
    if a.rank == 0 or b.rank == 0:
        raise DataError("a product of matrices has no scalars")
    return batched_product(n, a, b)


@rule("Gemm", "dense; alpha * (a @ b) + beta * c")
def gemm(n: RuleContext) -> GraphValue:
    """`Gemm`: alpha a b + beta c, with a and b transposed where the attributes say so."""
    a, b = n.value(0), n.value(1)
    alpha, beta = np.float32(n.attr("alpha", 1.0)), np.float32(n.attr("beta", 1.0))
    turned = n.attr("transA", 0), n.attr("transB", 0)
    c = n.value(2) if n.has(2) else None
    own = b.own_array(2) if not turned[0] and alpha == beta == 1 else None
    if own is not None and (c is None or fits_bias(c, b, bool(turned[1]))):
        W = own if turned[1] else own.T
        bias = np.zeros(len(W), W.dtype) if c is None or c.array is None else c.array
        return dense(n, a, W, np.broadcast_to(bias.reshape(-1), (len(W),)), (b.name,))
    if turned[0]:
        a = transposed(a)
    if turned[1]:
        b = transposed(b)
    product = batched_product(n, a, b)
    scaled = n.elementwise(lambda x: x if alpha == 1 else as_expr(alpha) * x, product)
    if c is None:
        return scaled
    return n.elementwise(lambda x, y: x + (y if beta == 1 else as_expr(beta) * y), scaled, c)


def fits_bias(c: GraphValue, b: GraphValue, turned: bool) -> bool:
    """Whether c is a parameter with a number for each unit."""
    units = size_of(b.axes[0 if turned else 1])
    array = c.own_array()
    if array is None:
        return False
    return array.size == 1 or (array.size == units and array.shape[-1] == units)


def transposed(value: GraphValue) -> GraphValue:
    """A value with its two last axes exchanged."""
    array = None if value.array is None else value.array.swapaxes(-1, -2)
    axes = (*value.axes[:-2], value.axes[-1], value.axes[-2])
    return replace(value, axes=axes, array=array)
