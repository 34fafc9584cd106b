"""Max-pool unrolling: the maximum over a small window becomes a chain of maxima over channels.

    max over a, b of x[2i + a, 2j + b, c]  =  maximum(maximum(x[2i, 2j, c], x[2i, 2j + 1, c]), ...)

With a loop over the window innermost, a kernel would read one number at a time.  In the chain the
innermost loop goes over channels and fills vectors.  Exact: a maximum rounds nothing, and both
forms keep a NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import product
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.reduce import Max

MOST = MACHINE.window_numbers  # numbers in a window


def unroll_max_pool(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the maxima over small windows."""
    return lambda node, xs: (
        max_of_windows(node.op, xs[0])
        if isinstance(node.op, Max) and has_small_windows(node.op, xs[0])
        else None
    )


def has_small_windows(op: Max, x: Value) -> bool:
    """Whether x is a view whose last axis stays, and few numbers share a greatest one."""
    view = isinstance(x.node.op, Contract) and len(x.node.inputs) == 1
    kept = len(x.shape) - 1 not in op.axes
    return view and kept and 1 < prod(x.shape[axis] for axis in op.axes) <= MOST


def max_of_windows(op: Max, x: Value) -> Value:
    """The maximum of the values at every place of the window."""
    kept = [axis for axis in range(len(x.shape)) if axis not in op.axes]
    extents = tuple(x.shape[axis] for axis in kept)
    result = tuple(index(loop) for loop in range(len(kept)))
    parts = []
    for places in product(*(range(x.shape[axis]) for axis in op.axes)):
        at = dict(zip(op.axes, places, strict=True))
        seen = tuple(
            Affine((), at[axis]) if axis in at else index(kept.index(axis))
            for axis in range(len(x.shape))
        )
        parts.append(x.builder.add(Contract(extents, (seen,), result, extents), x))
    return reduce(lambda y, part: y.apply("maximum", y, part), parts)
