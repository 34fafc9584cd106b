"""A contraction as a textbook writes it.

The one operator is many formulas on paper: a matrix product (perhaps of a transpose), an outer
product, a sum, a row of a table, a repetition that nobody writes; what is none of them is told by
one element of the result, with its indices: a convolution, and both of its derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.shape import transposed_axes
from gradc_compiler.study.textbook_formula import Called, Formula, Indexed, Numeral, Product, times
from gradc_compiler.transform.unparse_expr import LETTERS

Shape = Sequence[int]


def contraction_formula(
    op: Contract, node: Node, operands: Sequence[Formula], graph: Graph
) -> Formula:
    """The formula of a contraction of operands that are formulas themselves."""
    shapes = [graph[i].type.shape for i in node.inputs]
    if len(operands) == 1:
        found = _of_one(op, operands[0], shapes[0])
    else:
        found = _of_two(op, operands, shapes) if len(operands) == 2 else None
    return found or indexed(one_loop_of_one(op), operands)


def _of_one(op: Contract, x: Formula, shape: Shape) -> Formula | None:
    """A repetition, a transpose, a row, a sum; None for anything else."""
    (read,) = op.operands
    loops = [p.plain for p in op.result]
    moving = {loop for p in read for loop, _ in p.terms}
    idle = [n for j, n in enumerate(op.extents) if j not in moving and j not in loops]
    whole = _covers(op, read, shape) and _covers(op, op.result, op.shape)
    if idle == [] and whole and _is_trailing(read, op.result, shape, op.shape):
        return x  # broadcast: operands are repeated without a word
    if (order := transposed_axes(op, tuple(shape))) is not None and order == [1, 0]:
        return Called("transpose", (x,))
    if (places := _row_of(op, shape)) is not None:
        return Called("row", (x,), lambda names: f"{names[0]}[{places}]")
    summed = all(p == index(j) for j, p in enumerate(read)) and not any(p.terms for p in op.result)
    if summed and whole:
        return Called("sum", (x,)) if not isinstance(x, Numeral) else _counted(op, x)
    return None


def _covers(op: Contract, places: Sequence[Affine], shape: Shape) -> bool:
    """Whether a tensor is gone through from end to end: neither a part of it nor beyond."""
    return all(
        (p == Affine() and n == 1) if p.plain is None else op.extents[p.plain] == n
        for p, n in zip(places, shape, strict=True)
    )


def _row_of(op: Contract, shape: Shape) -> str | None:
    """`2` of x[2], where a contraction reads one row of an operand and all of that."""
    (read,) = op.operands
    rows = [p.offset for p in read if not p.terms]
    rest = [p.plain for p in read if p.terms]
    first = read[: len(rows)] == tuple(Affine((), k) for k in rows)
    if not rows or not first or rest != [p.plain for p in op.result]:
        return None
    whole = _whole(op, rest, shape[len(rows) :]) and all(n > 1 for n in shape[: len(rows)])
    return ", ".join(map(str, rows)) if whole else None


def _counted(op: Contract, x: Numeral) -> Formula:
    """A sum of equal numbers."""
    count = 1.0
    for extent in op.extents:
        count *= extent
    return times(Numeral(count), x)


def _whole(op: Contract, loops: Sequence[int | None], shape: Shape) -> bool:
    """Whether loops go through axes from end to end."""
    return [None if j is None else op.extents[j] for j in loops] == list(shape)


def _is_trailing(
    read: Sequence[Affine], result: Sequence[Affine], shape: Shape, sizes: Shape
) -> bool:
    """Whether each axis read is the axis of the result at the same place from the end, or one."""
    if len(read) > len(result):
        return False
    last = result[len(result) - len(read) :]
    pairs = zip(read, last, shape, strict=True)
    return all(p == q or (n == 1 and not p.terms) for p, q, n in pairs) and all(
        p.plain is not None or (p == Affine() and size == 1)
        for p, size in zip(result, sizes, strict=True)
    )


def _of_two(op: Contract, operands: Sequence[Formula], shapes: Sequence[Shape]) -> Formula | None:
    """A product of matrices and vectors; None for anything else."""
    maps = [[p.plain for p in m] for m in (*op.operands, op.result)]
    sizes = [*shapes, op.shape]
    if any(None in m for m in maps) or not all(
        _whole(op, m, s) for m, s in zip(maps, sizes, strict=True)
    ):
        return None
    a, b, y = maps
    left, right = operands
    match len(a), len(b), len(y):
        case 0, _, _ if b == y:
            return times(left, right)
        case _, 0, _ if a == y:
            return times(left, right)
        case 1, 1, 0 if a == b:
            return Called("dot", (left, right))
        case 1, 1, 2 if sorted(map(str, y)) == sorted(map(str, a + b)) and a != b:
            return Product((left, right) if y == a + b else (right, left), outer=True)
        case (2, 1, 1) | (1, 2, 1) | (2, 2, 2):
            return _matrix_product((a, left), (b, right), y)
    return None


def _matrix_product(
    a: tuple[list[int | None], Formula], b: tuple[list[int | None], Formula], y: list[int | None]
) -> Formula | None:
    """Two factors, one of them a matrix, that share the one index which is summed."""
    summed = {*a[0]} & {*b[0]} - {*y}
    if len(summed) != 1 or {*a[0], *b[0]} - summed != {*y}:
        return None
    (k,) = summed
    if y[0] in b[0]:
        a, b = b, a  # the first index of the result belongs to the first factor
    if len(a[0]) == 1 and len(b[0]) == 2:
        a, b = b, a  # W^T x rather than x W
    turned = (len(a[0]) == 2 and a[0][0] == k, len(b[0]) == 2 and b[0][1] == k)
    return Product((a[1], b[1]), turned)


def one_loop_of_one(op: Contract) -> Contract:
    """The same where two loops of one turn are one, if each stands in one place of another tensor:
    the one group of a convolution and its one channel, which so has one letter in all derivatives.
    """
    places: dict[int, list[int]] = {}
    for number, positions in enumerate((*op.operands, op.result)):
        for loop, _ in (term for p in positions for term in p.terms):
            places.setdefault(loop, []).append(number)
    single = {j: at[0] for j, at in places.items() if op.extents[j] == 1 and len(at) == 1}
    moved = {}
    for loop in sorted(single):
        others = [j for j, at in single.items() if j > loop and at != single[loop]]
        if single[loop] < len(op.operands) and others:
            moved[loop] = max(others)

    def merged(position: Affine) -> Affine:
        return index(moved[position.plain]) if position.plain in moved else position

    return replace(op, operands=tuple(tuple(map(merged, m)) for m in op.operands))


def indexed(op: Contract, operands: Sequence[Formula]) -> Formula:
    """One element of the result, told with its indices: i, j, ... in the order of the loops, which
    a contraction shares with its derivatives.
    """
    used = {loop for m in (op.result, *op.operands) for p in m for loop, _ in p.terms}
    names = {loop: letter(k) for k, loop in enumerate(sorted(used))}  # alike in all derivatives
    result = tuple(place_text(p, names) for p in op.result)
    written = {loop for p in op.result for loop, _ in p.terms}
    factors = tuple(
        (x, tuple(place_text(p, names) for p in m))
        for x, m in zip(operands, op.operands, strict=True)
    )
    return Indexed(
        result=result,
        summed=tuple(name for loop, name in names.items() if loop not in written),
        factors=factors,
        extents=tuple((name, op.extents[loop]) for loop, name in names.items()),
        adds_up=any(len(p.terms) > 1 for p in op.result),
    )


def letter(number: int) -> str:
    """i, j, ..., and numbered ones where the alphabet ends."""
    return LETTERS[number] if number < len(LETTERS) else f"i{number}"


def place_text(position: Affine, names: dict[int, str]) -> str:
    """`2i + m - 1`, as one writes it by hand."""
    parts = []
    for loop, factor in position.terms:
        sign = "-" if factor < 0 else "+"
        parts.append(f"{sign} {'' if abs(factor) == 1 else abs(factor)}{names[loop]}")
    if position.offset or not parts:
        parts.append(f"{'-' if position.offset < 0 else '+'} {abs(position.offset)}")
    return (
        " ".join(parts).removeprefix("+ ").replace("- ", "-", 1)
        if parts[0][0] == "-"
        else (" ".join(parts).removeprefix("+ "))
    )
