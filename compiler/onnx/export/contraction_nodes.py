"""The one contraction of the language as ONNX operators.

A convolution is `Conv` (`convolutions.py`) and a matrix with a vector of each example `Gemm`, with
the bias that follows.  Otherwise each operand is read so that its axes are loops (`loop_axes.py`),
the product is summed over the loops that the result lacks (`loop_products.py`), and the result is
repeated along loops that no operand has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from gradc_compiler.onnx.export.convolutions import convolved
from gradc_compiler.onnx.export.loop_axes import Looped, read, spread
from gradc_compiler.onnx.export.loop_products import product
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.onnx_tensors import Tensor, real
from gradc_compiler.onnx.export.window_roles import is_plain
from gradc_compiler.ops.contract import Affine, Contract, Map
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Contracted:
    """The name of the result, and whether the bias has been added already."""

    name: str
    with_bias: bool = False


def contracted(writer: GraphWriter, op: Contract, xs: Sequence[Tensor], bias: str) -> Contracted:
    """The contraction of tensors, with the largest lead (axes in front) of its operands.

    `bias` is a vector that is added along the last axis later, where there is one.
    """
    if (convolution := convolved(writer, op, xs, bias)) is not None:
        return Contracted(*convolution)
    if (name := _dense(writer, op, xs, bias)) is not None:
        return Contracted(name, bool(bias))
    op = without_single_steps(op)
    factors = [
        read(writer, real(writer, x), x.lead, x.shape, positions, op.extents)
        for x, positions in zip(xs, op.operands, strict=True)
    ]
    present = {i for f in factors for i in f.loops}
    wanted, matrices = _result_loops(writer, op, present)
    sizes = [*op.extents, *op.shape]  # of loops, and of axes made by matrices
    found = product(writer, [*factors, *matrices], wanted, sizes)
    return Contracted(_shaped(writer, op, found, present))


def without_single_steps(op: Contract) -> Contract:
    """The contraction without its loops of one step, which move no position."""

    def kept(positions: Map) -> Map:
        return tuple(
            Affine(tuple((i, c) for i, c in p.terms if op.extents[i] != 1), p.offset)
            for p in positions
        )

    return replace(op, operands=tuple(map(kept, op.operands)), result=kept(op.result))


def _dense(writer: GraphWriter, op: Contract, xs: Sequence[Tensor], bias: str) -> str | None:
    """A matrix that all examples share times a vector of each, as `Gemm`; None for others."""
    if len(xs) != 2 or not is_plain(op, op.result, op.shape):
        return None
    row = [p.plain for p in op.result]
    for matrix, vector in ((0, 1), (1, 0)):
        w, x = op.operands[matrix], op.operands[vector]
        plain = is_plain(op, w, xs[matrix].shape) and is_plain(op, x, xs[vector].shape)
        column = [p.plain for p in x if p.terms]
        loops = [p.plain for p in w]
        fits = len(row) == len(column) == 1 and loops in ([*row, *column], [*column, *row])
        if fits and plain and (xs[matrix].lead, xs[vector].lead) == (0, 1) and row != column:
            units = [1 + k for k, p in enumerate(x) if not p.terms]
            data = writer.squeezed(real(writer, xs[vector]), units)
            turned: dict[str, Any] = {"transB": 1} if loops[0] == row[0] else {}
            return writer.add(
                "Gemm", data, real(writer, xs[matrix]), *[bias] * bool(bias), **turned
            )
    return None


def _result_loops(
    writer: GraphWriter, op: Contract, present: set[int]
) -> tuple[list[int], list[Looped]]:
    """The loops that are axes of the product, in order, and matrices that make some of them.

    A position that is not just a loop's index is an axis with a number beyond those of the loops.
    """
    wanted, matrices = [], []
    for axis, (position, size) in enumerate(zip(op.result, op.shape, strict=True)):
        if _is_whole(op, axis):
            loop = position.terms[0][0]
            wanted += [loop] if loop in present else []
        elif position.terms or size != 1 or position.offset:
            made = len(op.extents) + axis
            table = writer.constant(spread(position, size, op.extents))
            matrices.append(Looped(table, 0, (made, *(i for i, _ in position.terms))))
            wanted.append(made)
    return wanted, matrices


def _is_whole(op: Contract, axis: int) -> bool:
    """Whether an axis of the result is one loop from end to end, which no other axis has."""
    loop = op.result[axis].plain
    if loop is None or op.extents[loop] != op.shape[axis]:
        return False
    return sum(loop == i for p in op.result for i, _ in p.terms) == 1


def _shaped(writer: GraphWriter, op: Contract, found: Looped, present: set[int]) -> str:
    """The product, repeated along axes that no operand has, and times the sizes of unused loops."""
    in_result = {i for p in op.result for i, _ in p.terms}
    idle = prod(n for i, n in enumerate(op.extents) if i not in present and i not in in_result)
    name = found.name
    if idle != 1:
        name = writer.add("Mul", name, writer.constant(float(idle)))
    missing = [axis for axis in range(len(op.shape)) if not _is_axis(op, axis, found.loops)]
    name = writer.unsqueezed(name, [found.lead + axis for axis in missing])
    if any(op.shape[axis] != 1 for axis in missing):
        whole = writer.whole([*[1] * found.lead, *op.shape])
        name = writer.add("Expand", name, whole)
    return name


def _is_axis(op: Contract, axis: int, loops: Sequence[int]) -> bool:
    if _is_whole(op, axis):
        return op.result[axis].terms[0][0] in loops
    return len(op.extents) + axis in loops
