"""Contractions that have a shorter word in the language than `contract`.

    a @ b      sum(x), sum(x, axis = (0, 1))      transpose(x)      broadcast(x, [4, 3])      x[0]

    reshape(sum(x, axis = 1), [4, 1])      a sum that keeps its axis

Each but the last is exactly what the word is elaborated to, so that a printed program is read back
as it was; the last as the sum, and a reshape of it, which moves no number.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.matmul_op import is_matmul, same_contraction

MATRIX_PRODUCT = "{} @ {}"
Shape = tuple[int, ...]


def contraction_text(op: Contract, shapes: Sequence[Shape]) -> str | None:
    """The word for a contraction, `{}` for each operand of these shapes; None if it has none."""
    if len(op.operands) != len(shapes) or op.mean:
        return None
    if len(shapes) == 2:
        return MATRIX_PRODUCT if is_matmul(op, *shapes) else None
    if len(shapes) != 1:
        return None
    shape = shapes[0]
    if not shape:
        repeated = same_contraction(op, _repeated(shape, op.shape))
        return f"full({list(op.shape)}, {{}})" if repeated else None
    known = {"sum({})": _sum(shape, range(len(shape)))}
    if axes := _summed(op):
        among = axes[0] if len(axes) == 1 else tuple(axes)
        known[f"sum({{}}, axis = {among})"] = _sum(shape, axes)
        if (kept := _kept(shape, axes, op.shape)) is not None:
            known[f"reshape(sum({{}}, axis = {among}), {list(op.shape)})"] = kept
    if _may_repeat(shape, op.shape):
        known[f"broadcast({{}}, {list(op.shape)})"] = _repeated(shape, op.shape)
    if len(shape) == 2:
        known["transpose({})"] = _transposed(shape)
    if (row := _row_number(op, shape)) is not None:
        known[f"{{}}[{row}]"] = _row(shape, row)
    return next((text for text, form in known.items() if same_contraction(op, form)), None)


def takes_expression(text: str) -> bool:
    """Whether what stands in a word's brackets may be any expression."""
    return text.endswith(")")


def _summed(op: Contract) -> list[int]:
    """The axes of the operand that are not axes of the result."""
    kept = {p.plain for p in op.result}
    return [k for k, p in enumerate(op.operands[0]) if p.plain not in kept]


def _may_repeat(shape: Shape, wanted: Shape) -> bool:
    """Whether a tensor is repeated to a shape by NumPy's rule."""
    behind = wanted[len(wanted) - len(shape) :]
    return len(wanted) >= len(shape) and all(
        n in (1, m) for n, m in zip(shape, behind, strict=True)
    )


def _repeated(shape: Shape, wanted: Shape) -> Contract:
    lead = len(wanted) - len(shape)
    read = tuple(
        Affine() if n == 1 and wanted[lead + j] != 1 else index(lead + j)
        for j, n in enumerate(shape)
    )
    return Contract(wanted, (read,), tuple(map(index, range(len(wanted)))), wanted)


def _sum(shape: Shape, axes: Sequence[int]) -> Contract:
    kept = [j for j in range(len(shape)) if j not in axes]
    everything = tuple(map(index, range(len(shape))))
    result = tuple(shape[j] for j in kept)
    return Contract(shape, (everything,), tuple(map(index, kept)), result)


def _kept(shape: Shape, axes: Sequence[int], wanted: Shape) -> Contract | None:
    """A sum over axes whose result has more axes, of one element each; None where it has not."""
    loops, result = [j for j in range(len(shape)) if j not in axes], list[Affine]()
    for n in wanted:
        result.append(index(loops.pop(0)) if loops and shape[loops[0]] == n else Affine())
    if loops or any(n != 1 for n, p in zip(wanted, result, strict=True) if p == Affine()):
        return None
    return Contract(shape, (tuple(map(index, range(len(shape)))),), tuple(result), wanted)


def _transposed(shape: Shape) -> Contract:
    turned = (shape[1], shape[0])
    return Contract(turned, ((index(1), index(0)),), (index(0), index(1)), turned)


def _row_number(op: Contract, shape: Shape) -> int | None:
    """The place along the first axis, where that is the same everywhere."""
    first = op.operands[0][0]
    still = all(op.extents[loop] == 1 for loop, _ in first.terms)
    return first.offset if still and 0 <= first.offset < shape[0] else None


def _row(shape: Shape, row: int) -> Contract:
    rest = shape[1:]
    read = (Affine((), row), *map(index, range(len(rest))))
    return Contract(rest, (read,), tuple(map(index, range(len(rest)))), rest)
