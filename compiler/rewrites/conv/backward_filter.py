"""Backward filter: gradients of weights and biases, with columns that fill a vector.

The gradient of a convolution's weights is a sum over pixels of products of the input x and the
cotangent g.  As the weights lie in memory, the columns of that product are taps and channels of x.
Where those are few, a vector register is mostly empty; then the channels of g are made the columns,
and neighbouring pixels beside them (names as in `fold_width.py`):

    dW[f, n] = sum over j of g[j, f] * x[2j + n]
    S[N, e, f] = sum over J of g[2J + e, f] * x[4J + N]
    dW[f, n] = sum over e of S[n + 2e, e, f]

S is summed up over the batch, and dW is made of it once a step.  The gradient of a bias is a sum of
g down few columns; neighbouring pixels are kept apart there in the same way.  Exact but for the
order of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.machine.cost_model import product
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.rewrites.conv.match import (
    Convolution,
    SlidingWindow,
    affine,
    best,
    convolutions,
    depends_on,
    is_full_index,
    seen_windows,
)


def backward_filter(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the mean gradients of weights."""
    return lambda node, xs: correlated(node.op, xs) if isinstance(node.op, Contract) else None


def backward_bias(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the mean gradients of biases."""
    return lambda node, xs: (
        summed(node.op, xs[0])
        if isinstance(node.op, Contract) and node.op.mean and len(xs) == 1
        else None
    )


def correlated(op: Contract, xs: Sequence[Value]) -> Value | None:
    """The mean gradient of weights, with channels and neighbours of one operand as columns."""
    for c in convolutions(op, xs):
        if not c.sent or len(c.weights) < 2 or c.weights[-2] in c.sent:
            continue
        beside = c.sent[-1] in c.weights and not depends_on(c.seen, c.sent[-1])
        in_line = op.shape[-1] == 1 or [p.plain for p in c.seen[-1:]] == [c.weights[-1]]
        found = [w for w in seen_windows(c) if w.tap == c.weights[-2]]
        if beside and in_line and len(found) == 1:
            return _with_neighbours(c, xs, found[0])
    return None


def _with_neighbours(c: Convolution, xs: Sequence[Value], w: SlidingWindow) -> Value | None:
    """The gradient by way of S, if that pays."""
    e = _neighbours(c, w)
    if e is None:
        return None
    op, extra = c.op, len(c.op.extents)
    extents, maps = [*op.extents, e], [list(m) for m in op.operands]
    extents[w.pixel] = -(-op.extents[w.pixel] // e)
    extents[w.tap] += w.spread(e)
    maps[c.pixels][w.axis] = affine((w.pixel, w.stride * e), (w.tap, w.step), offset=w.offset)
    maps[1 - c.pixels][c.sent.index(w.pixel)] = affine((w.pixel, e), (extra, 1))
    kept = (*(loop for loop in c.weights if loop != c.sent[-1]), extra, c.sent[-1])
    shape = tuple(extents[loop] for loop in kept)
    result = tuple(index(loop) for loop in kept)
    apart = Contract(tuple(extents), (tuple(maps[0]), tuple(maps[1])), result, shape, mean=True)
    return _together(op, xs[0].builder.add(apart, *xs), kept, w)


def _neighbours(c: Convolution, w: SlidingWindow) -> int | None:
    """How many neighbours are best as columns, if any; a single one puts channels beside one
    another.
    """
    op = c.op
    pixels, taps, channels = (op.extents[loop] for loop in (w.pixel, w.tap, c.sent[-1]))
    columns, terms = taps * op.shape[-1], prod(op.extents) / prod(op.shape)

    def cost(e: int) -> float:
        rows = prod(op.shape) / channels * (taps + w.spread(e)) / taps
        return product(rows, terms / pixels * -(-pixels // e), channels * e)

    most = MACHINE.panel // channels if c.sent[-2] == w.pixel else 1
    before = product(prod(op.shape) / columns, terms, columns)
    return best(cost, range(1, max(1, most) + 1), before)


def _together(op: Contract, sums: Value, kept: Sequence[int], w: SlidingWindow) -> Value:
    """dW, made from S; the loops `kept` are axes of S, of which neighbours and channels are the
    last two.
    """
    loops = [p.plain for p in op.result]
    e = len(loops)
    place = [affine((loops.index(loop), 1)) for loop in (*kept[:-2], kept[-1])]
    tap = kept.index(w.tap)
    place[tap] = affine((loops.index(w.tap), 1), (e, w.stride // w.step))
    source = (*place[:-1], index(e), place[-1])
    result = tuple(index(axis) for axis in range(e))
    extents = (*op.shape, sums.shape[-2])
    return sums.builder.add(Contract(extents, (source,), result, op.shape), sums)


def summed(op: Contract, x: Value) -> Value | None:
    """A mean of sums down few columns, by way of sums down more columns."""
    loops, kept = is_full_index(op, op.operands[0], x.shape), is_full_index(op, op.result, op.shape)
    suffix = bool(kept) and loops[len(loops) - len(kept) :] == kept
    first = len(loops) - len(kept)
    if not suffix or prod(op.shape) >= MACHINE.wide or first < 1 or x.type.time is not None:
        return None
    while first > 0 and prod(x.shape[first:]) < MACHINE.wide:
        first -= 1
    apart, shape = loops[first:], x.shape[first:]
    wide = Contract(op.extents, op.operands, tuple(map(index, apart)), shape, mean=True)
    axes = tuple(index(axis) for axis in range(len(shape)))
    sums = Contract(shape, (axes,), axes[len(axes) - len(kept) :], op.shape)
    return x.builder.add(sums, x.builder.add(wide, x))
