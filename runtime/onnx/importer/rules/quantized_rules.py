"""Whole numbers that stand for real ones, and bits moved: exact, as all of them fit.

Jacob et al., 2018: a number is (q - zero) * scale, and q saturates at the ends of its kind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.atoms import size_of
from gradc_runtime.onnx.importer.batched_product import batched_product
from gradc_runtime.onnx.importer.expression import Expr, call
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.read_model import kind_of
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.elementwise_rules import clamp, rounded
from gradc_runtime.system.errors import DataError


def zero_of(n: RuleContext, k: int, kind: Any) -> GraphValue:
    """The zero point of operand k, 0 where it is left out."""
    return n.value(k) if n.has(k) else of_array("zero", np.zeros((), kind))


def along_axis(n: RuleContext, value: GraphValue, x: GraphValue) -> GraphValue:
    """A scale or zero point that broadcasts against x: one, or one for each place of an axis.

    Raises `DataError` for one for each block.
    """
    if n.attr("block_size", 0):
        raise DataError("scales of blocks are not supported")
    if value.rank != 1 or size_of(value.axes[0]) == 1 or x.rank < 2:
        return value if value.rank == 0 else squeezed(value)
    after = x.rank - 1 - n.axis(x, n.attr("axis", 1))
    array = None if value.array is None else value.array.reshape(-1, *[1] * after)
    return replace(value, axes=(*value.axes, *((),) * after), array=array)


def squeezed(value: GraphValue) -> GraphValue:
    """A value of one number without its axis; any other as it is."""
    if any(value.axes):
        return value
    array = None if value.array is None else value.array.reshape(())
    return replace(value, axes=(), array=array)


def saturated(x: Expr, kind: np.dtype[Any]) -> Expr:
    """Numbers kept between the ends of a kind."""
    limits = np.iinfo(kind)
    return clamp(x, int(limits.min), int(limits.max))


@rule("QuantizeLinear", "clamp(round(x / scale) + zero)")
def quantize(n: RuleContext) -> GraphValue:
    """`QuantizeLinear`: real numbers as whole ones.

    Raises `DataError` where operands do not fit.
    """
    x, scale = n.value(0), n.value(1)
    kind = n.value(2).kind if n.has(2) else kind_of(n.attr("output_dtype", 0) or 2, "the result")
    if kind.kind not in "iu" or kind.itemsize > 2:
        raise DataError(f"numbers of kind {kind} are no whole numbers of 8 or 16 bits")
    zero = along_axis(n, zero_of(n, 2, kind), x)
    return n.elementwise(
        lambda e, s, z: saturated(rounded(e / s) + z, kind), x, along_axis(n, scale, x), zero,
        kind=kind,
    )  # fmt: skip


@rule("DequantizeLinear", "(x - zero) * scale")
def dequantize(n: RuleContext) -> GraphValue:
    """`DequantizeLinear`: whole numbers as real ones."""
    x, scale = n.value(0), n.value(1)
    zero = along_axis(n, zero_of(n, 2, x.kind), x)
    return n.elementwise(
        lambda e, s, z: (e - z) * s, x, along_axis(n, scale, x), zero, kind=scale.kind
    )


@rule("MatMulInteger", "(a - zero) @ (b - zero)")
def matmul_integer(n: RuleContext) -> GraphValue:
    """`MatMulInteger`: a product of whole numbers."""
    a, b = n.value(0), n.value(1)
    first = zero_of(n, 2, a.kind)
    if first.rank == 1 and a.rank > 1:
        array = None if first.array is None else first.array.reshape(-1, 1)
        first = replace(first, axes=(*first.axes, ()), array=array)
    a = n.elementwise(lambda e, z: e - z, a, first, kind=np.int32)
    b = n.elementwise(lambda e, z: e - z, b, zero_of(n, 3, b.kind), kind=np.int32)
    return replace(batched_product(n, a, b), kind=np.dtype(np.int32))


@rule("BitShift", "x * 2^n, floor(x / 2^n)")
def bit_shift(n: RuleContext) -> GraphValue:
    """Bits moved to the left or the right, of at most 32.

    Raises `DataError` for 64, which no float64 holds.
    """
    x, count = n.value(0), n.value(1)
    bits = 8 * x.kind.itemsize
    if bits > 32 or x.kind.kind != "u":
        raise DataError(f"bits of {x.kind} are not all kept")
    if n.attr("direction", "") == "RIGHT":
        return n.elementwise(lambda e, k: call("floor", e / 2**k), x, count)
    return n.elementwise(lambda e, k: (e * 2**k) % (1 << bits), x, count)


@rule("ReverseSequence", "rows written out")
def reverse_sequence(n: RuleContext) -> GraphValue:
    """The first places of each row backwards; how many are known.

    Raises `DataError` for another axis than the first two.
    """
    from gradc_runtime.onnx.importer.moving import along
    from gradc_runtime.onnx.importer.rules.join_rules import joined_along

    x, lengths = n.value(0), n.array(1).reshape(-1)
    time, rows = n.attr("time_axis", 0), n.attr("batch_axis", 1)
    n.require_own(x, time, rows)
    size = size_of(x.axes[time])
    if len(lengths) != size_of(x.axes[rows]) or any(not 0 <= k <= size for k in lengths):
        raise DataError("lengths that do not fit")
    parts = []
    for row, length in enumerate(lengths):
        one = along(n, x, rows, [row])
        order = [*range(int(length) - 1, -1, -1), *range(int(length), size)]
        parts.append(along(n, one, time, order))
    return joined_along(n, parts, rows)
