"""Backward data as a gather: gradients of a convolution's input along axes of stride 1.

As it is derived, such a gradient is a scatter: every product is added where it belongs, so a number
of the result is read, added to and written once for every tap, and two threads would write the same
rows.  Along an axis of stride 1 each row of the result can read what belongs to it instead:

    y[j + n, f] += g[j] * W[n, f]    becomes    y[p, f] = sum over n of g[p - n] * W[n, f]

Exact but for the order of the sum.  The last axis of pixels is left to `fold_width.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.machine.cost_model import product
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.rewrites.conv.match import (
    Convolution,
    SlidingWindow,
    affine,
    convolutions,
    depends_on,
    uses,
    window,
)


def scatter_to_gather(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the gradients of convolutions' inputs."""

    def rule(node: Node, xs: list[Value]) -> Value | None:
        op = node.op
        if not isinstance(op, Contract) or op.mean or len(xs) != 2 or len(op.result) < 2:
            return None
        ordered = in_order(op, xs)
        return xs[0].builder.add(ordered, *xs) if ordered is not op else None

    return rule


def in_order(op: Contract, xs: Sequence[Value]) -> Contract:
    """A contraction of pixels and weights with its rows in order, where that costs no more."""
    for c in convolutions(op, xs):
        for axis, p in enumerate(c.seen):
            j = p.plain
            w = window(op.result[:-2], j, c.weights) if j is not None else None
            if w is None or not w.stride == w.step == 1 or depends_on(c.seen, w.tap):
                continue
            whole = op.extents[w.pixel] == xs[c.pixels].shape[axis]
            alone = w.pixel not in c.weights and sum(uses(q, w.pixel) for q in c.seen) == 1
            if whole and alone and _pays(c, w):
                return _turned(c, w, axis)
    return op


def _pays(c: Convolution, w: SlidingWindow) -> bool:
    """Whether fewer rows are written, and not many more products with what lies outside made."""
    taps, size = c.op.extents[w.tap], c.op.shape[w.axis]
    return product(size, c.terms * taps, 1) <= product(c.op.extents[w.pixel] * taps, c.terms, 1)


def _turned(c: Convolution, w: SlidingWindow, axis: int) -> Contract:
    """The contraction with a loop over the rows of its result instead of those it sees."""
    extents, seen, result = list(c.op.extents), list(c.seen), list(c.op.result)
    extents[w.pixel], result[w.axis] = c.op.shape[w.axis], index(w.pixel)
    seen[axis] = affine((w.pixel, 1), (w.tap, -1), offset=-w.offset)
    operands = list(c.op.operands)
    operands[c.pixels] = tuple(seen)
    a, b = operands
    return replace(c.op, extents=tuple(extents), operands=(a, b), result=tuple(result))
