"""Scatters in which windows overlap too often are cut, which bounds their rounding errors.

The gradient of a convolution's input adds each product where it belongs.  A word of the result is
added to once for every window that reaches it, each time in a few pieces.  If that would be too
many additions in a row, the window is cut into blocks.  Each block has a result of its own, and
these are added at last:

    y[2j + n] += g[j] W[n]     becomes     p[q, 2j + Qq + i] += g[j] W[Qq + i],  y = sum over q

See Note [How long a chain of additions is] in `compiler/machine/addition_chains.py`.  It runs after
the rewrites of convolutions, some of which turn such scatters into sums without overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.machine.addition_chains import AGAIN, IN_A_ROW, MOST_PIECES
from gradc_compiler.machine.visits import visits
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import add as Add
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.program.kernel_abi import pieces_of
from gradc_compiler.rewrites.split_long_sums import (
    kept_loops,
    long_total,
    piece,
    split,
    with_axes,
)


def cut_overlaps(graph: Graph) -> Graph:
    """Rewrite every sum that would add to a word too often, until there is none."""
    while any(_is_too_often(node) for node in graph.nodes):
        graph = rewrite_nodes(graph, _rule)
    return graph


def _is_too_often(node: Node) -> bool:
    return isinstance(node.op, Contract) and _adds(node.op) > AGAIN


def _rule(node: Node, xs: list[Value]) -> Value | None:
    return _rewritten(node.op, xs) if _is_too_often(node) else None  # type: ignore[arg-type]


def _rewritten(op: Contract, xs: Sequence[Value]) -> Value:
    """The sum in blocks; if it is a mean, each example's own sum comes first."""
    if op.mean:
        y = xs[0].builder.add(replace(op, mean=False), *xs)
        if y.type.time is not None:
            y = long_total(y) or y.builder.add(TimeSum(), y)
        return y.builder.add(BatchMean(), y)
    loops = {loop for p in op.result if len(p.terms) > 1 for loop, _ in p.terms}
    loop = min((j for j in loops if op.extents[j] > 1), key=lambda j: op.extents[j])
    size = op.extents[loop]
    while size > 1 and _adds(_shorter(op, loop, size)) > AGAIN:
        size = (size + 1) // 2
    blocks = op.extents[loop] // size
    y = with_axes(split(op, loop, blocks, size), xs, [loop])
    rest = op.extents[loop] - blocks * size
    if rest:
        y = y.builder.add(Add(), y, y.builder.add(piece(op, loop, blocks * size, rest), *xs))
    return y


def _shorter(op: Contract, loop: int, size: int) -> Contract:
    extents = (*op.extents[:loop], size, *op.extents[loop + 1 :])
    return replace(op, extents=extents)


def _adds(op: Contract) -> int:
    """How often a word of the result is added to in memory; 0 where no windows overlap."""
    if all(len(p.terms) < 2 for p in op.result) or (again := overlap(op)) < 2:
        return 0
    kept = kept_loops(op)
    terms = sorted(n for j, n in enumerate(op.extents) if j not in kept)
    if len(op.operands) != 2:
        return again * prod(terms)
    if op.mean:
        return again * MOST_PIECES
    *others, k1, k2 = [1, 1, *terms]
    pieces = pieces_of(k1, k2, IN_A_ROW) * prod(others)
    return again * (pieces if pieces <= MOST_PIECES else 1)


def overlap(op: Contract) -> int:
    """The most iterations, of the loops that move the result, that write the same word."""
    moves, words = dict.fromkeys(sorted(kept_loops(op)), 0), 1
    for position in reversed(op.result):
        for loop, coefficient in position.terms:
            moves[loop] += coefficient * words
        low, high = position.range(op.extents)
        words *= high - low + 1
    return visits(moves.values(), (op.extents[loop] for loop in moves))
