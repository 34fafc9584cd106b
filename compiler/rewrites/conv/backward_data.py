"""Backward data as a gather: gradients of a convolution's input along axes of stride 1.

Differentiation makes such a gradient a scatter: every product is added where it belongs.  So a
number of the result is read, added to and written once for every tap, and two threads would write
the same rows.  Along an axis of stride 1 each row of the result can instead read the numbers that
belong to it:

    y[j + n, f] += g[j] * W[n, f]    becomes    y[p, f] = sum over n of g[p - n] * W[n, f]

Exact but for the order of the sum.  `match.py` says which axes scatter, and has that equation; the
last axis of pixels is left to `fold_width.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.machine.cost_model import product
from gradc_compiler.ops.contract import Contract
from gradc_compiler.rewrites.conv.match import (
    Convolution,
    SlidingWindow,
    convolutions,
    gathered,
    scattering,
)


def scatter_to_gather(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the gradients of convolutions' inputs."""

    def rule(node: Node, xs: list[Value]) -> Value | None:
        ordered = in_order(node.op, xs) if isinstance(node.op, Contract) else None
        return xs[0].builder.add(ordered, *xs) if ordered else None

    return rule


def in_order(op: Contract, xs: Sequence[Value]) -> Contract | None:
    """A contraction of pixels and weights with its rows in order, where that costs no more."""
    for c in convolutions(op, xs):
        for axis, w in scattering(c, xs):
            if w.stride == 1 and w.axis < len(op.result) - 2 and _pays(c, w):
                return gathered(c, w, axis).op
    return None


def _pays(c: Convolution, w: SlidingWindow) -> bool:
    """Whether the result is written fewer times, without many more products of numbers that lie
    outside.
    """
    taps, size = c.op.extents[w.tap], c.op.shape[w.axis]
    return product(size, c.terms * taps, 1) <= product(c.op.extents[w.pixel] * taps, c.terms, 1)
