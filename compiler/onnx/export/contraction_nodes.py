"""The one contraction of the language as ONNX operators.

Each operand is read so that its axes are loops (`loop_axes.py`), the product is summed over those
that the result has not (`loop_products.py`), and what no operand has is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from gradc_compiler.onnx.export.loop_axes import Looped, read, spread
from gradc_compiler.onnx.export.loop_products import product
from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.export.onnx_tensors import Tensor, real
from gradc_compiler.ops.contract import Contract


def contracted(writer: GraphWriter, op: Contract, xs: Sequence[Tensor]) -> str:
    """The name of the result, with the lead of the operand that has most."""
    factors = [
        read(writer, real(writer, x), x.lead, x.shape, positions, op.extents)
        for x, positions in zip(xs, op.operands, strict=True)
    ]
    present = {i for f in factors for i in f.loops}
    wanted, matrices = _result_loops(writer, op, present)
    found = product(writer, [*factors, *matrices], wanted)
    return _shaped(writer, op, found, present)


def _result_loops(
    writer: GraphWriter, op: Contract, present: set[int]
) -> tuple[list[int], list[Looped]]:
    """The loops that are axes of the product, in order, and matrices that make some of them.

    A position that is not just a loop's index is an axis with a number beyond those of the loops.
    """
    wanted, matrices, known = [], [], set(present)
    for axis, (position, size) in enumerate(zip(op.result, op.shape, strict=True)):
        loop = position.plain
        if loop is not None and op.extents[loop] == size and _once(op, loop):
            wanted += [loop] if loop in known else []
        elif position.terms or size != 1 or position.offset:
            made = len(op.extents) + axis
            table = writer.constant(spread(position, size, op.extents))
            matrices.append(Looped(table, 0, (made, *(i for i, _ in position.terms))))
            wanted.append(made)
    return wanted, matrices


def _once(op: Contract, loop: int) -> bool:
    """Whether a loop stands in one position of the result."""
    return sum(loop == i for p in op.result for i, _ in p.terms) == 1


def _shaped(writer: GraphWriter, op: Contract, found: Looped, present: set[int]) -> str:
    """The product with the axes that no operand has, repeated, and times loops that nothing has."""
    in_result = {i for p in op.result for i, _ in p.terms}
    idle = prod(n for i, n in enumerate(op.extents) if i not in present and i not in in_result)
    name = found.name
    if idle != 1:
        name = writer.add("Mul", name, writer.constant(float(idle)))
    missing = [
        axis
        for axis, p in enumerate(op.result)
        if (p.plain is not None or not p.terms) and not _is_axis(op, axis, found.loops)
    ]
    name = writer.unsqueezed(name, [found.lead + axis for axis in missing])
    if any(op.shape[axis] != 1 for axis in missing):
        whole = writer.whole([*[1] * found.lead, *op.shape])
        name = writer.add("Expand", name, whole)
    return name


def _is_axis(op: Contract, axis: int, loops: Sequence[int]) -> bool:
    return op.result[axis].plain in loops or len(op.extents) + axis in loops
