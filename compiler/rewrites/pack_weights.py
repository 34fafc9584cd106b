"""Weight prepacking: the weights of a recurrence are copied once into panels, for all steps.

    P[s, k, c] = W[32 s + c, k]          y[32 s + c] = sum over k of P[s, k, c] x[k]

A *panel* is 32 columns wide, like a tile of the product, so that a tile reads words that follow one
another.  In a wide matrix the rows of 32 columns lie so far apart that they push one another out of
the cache.  The library's kernel therefore copies such columns before it uses them; in a recurrence
it would copy them again at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.loop_order import loop_of
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.rewrites.contraction_columns import column_loop, turned_back

WIDTH = MACHINE.panel  # columns: two of the widest vectors


def prepack(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """The rule for the products inside recurrences."""
    loops = loop_of(graph)

    def rule(node: Node, xs: list[Value]) -> Value | None:
        if not isinstance(node.op, Contract) or len(xs) != 2 or node.id not in loops:
            return None
        pairs = [turned_back(x, m) for x, m in zip(xs, node.op.operands, strict=True)]
        op = replace(node.op, operands=tuple(m for _, m in pairs))
        packed = packed_in_panels(op, [x for x, _ in pairs], column_loop(op))
        if packed is None:
            return None
        op, xs = packed
        builder = xs[0].builder
        return builder.value(builder.copy(replace(node, op=op), [x.id for x in xs]))

    return rule


def packed_in_panels(
    op: Contract, xs: Sequence[Value], columns: int | None
) -> tuple[Contract, list[Value]] | None:
    """A product x[k] W[c, k] or x[k] W[k, c] with its matrix in panels; None for any other."""
    if columns is None or op.extents[columns] % WIDTH or op.extents[columns] == WIDTH:
        return None
    k = _matrix(op, xs, columns)
    if k is None:
        return None
    loops = [p.plain for p in op.operands[k]]
    (summed,) = (loop for loop in loops if loop not in (columns, None))
    panels, panel = op.extents[columns] // WIDTH, len(op.extents)
    maps, packed = list(op.operands), list(xs)
    maps[k] = (index(panel), index(summed), index(columns))
    packed[k] = _panels(xs[k], loops.index(columns), panels)
    extents = (*(WIDTH if j == columns else n for j, n in enumerate(op.extents)), panels)
    result = (Affine(((columns, 1), (panel, WIDTH))),)
    return replace(op, extents=extents, operands=tuple(maps), result=result), packed


def _matrix(op: Contract, xs: Sequence[Value], columns: int) -> int | None:
    """The number of the operand that is a matrix of weights with these columns; None if the product
    has another form.

    The other operand must not have the columns, and the result no other loop.
    """
    fixed = [k for k, x in enumerate(xs) if not x.builder.is_varying(x)]
    if len(fixed) != 1 or [p.plain for p in op.result] != [columns]:
        return None
    (k,) = fixed
    loops = [p.plain for p in op.operands[k]]
    if len(loops) != 2 or columns not in loops or None in loops or loops[0] == loops[1]:
        return None
    alone = not any(loop == columns for p in op.operands[1 - k] for loop, _ in p.terms)
    return k if alone else None


def _panels(matrix: Value, axis: int, panels: int) -> Value:
    """A copy of a matrix as [panels, other axis, WIDTH], cut along `axis`."""
    shape = (panels, matrix.shape[1 - axis], WIDTH)
    at = [index(1), index(1)]
    at[axis] = Affine(((0, WIDTH), (2, 1)))
    view = Contract(shape, (tuple(at),), (index(0), index(1), index(2)), shape)
    return matrix.builder.add(Copy(), matrix.builder.add(view, matrix))
