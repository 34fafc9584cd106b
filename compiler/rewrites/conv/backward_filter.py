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
    SlidingWindow,
    affine,
    best,
    depends_on,
    is_full_index,
    window,
)


def backward_filter(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the mean gradients of weights."""
    return lambda node, xs: (
        correlated(node.op, xs)
        if isinstance(node.op, Contract) and node.op.mean and len(xs) == 2
        else None
    )


def backward_bias(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite the mean gradients of biases."""
    return lambda node, xs: (
        summed(node.op, xs[0])
        if isinstance(node.op, Contract) and node.op.mean and len(xs) == 1
        else None
    )


def correlated(op: Contract, xs: Sequence[Value]) -> Value | None:
    """The mean gradient of weights, with channels and neighbours of one operand as columns."""
    loops = is_full_index(op, op.result, op.shape)
    if len(loops) < 2 or any(x.type.time is not None for x in xs):
        return None
    for k, g in ((0, 1), (1, 0)):
        sent = is_full_index(op, op.operands[g], xs[g].shape)
        beside = sent and sent[-1] in loops and not depends_on(op.operands[k], sent[-1])
        in_line = op.shape[-1] == 1 or [p.plain for p in op.operands[k][-1:]] == [loops[-1]]
        if not beside or not in_line or loops[-2] in sent:
            continue
        pixels = [j for j in sent if j not in loops]
        seen = [w for w in (window(op.operands[k], j, loops[-2:-1]) for j in pixels) if w]
        if len(seen) == 1:
            return _with_neighbours(op, xs, k, sent, seen[0])
    return None


def _with_neighbours(
    op: Contract, xs: Sequence[Value], k: int, sent: Sequence[int], w: SlidingWindow
) -> Value | None:
    """The gradient by way of S, if that pays."""
    pixels, taps, channels = (op.extents[loop] for loop in (w.pixel, w.tap, sent[-1]))
    columns, terms = taps * op.shape[-1], prod(op.extents) / prod(op.shape)

    def cost(e: int) -> float:
        rows = prod(op.shape) / channels * (taps + w.spread(e)) / taps
        return product(rows, terms / pixels * -(-pixels // e), channels * e)

    most = MACHINE.panel // channels if sent[-2] == w.pixel else 1
    before = product(prod(op.shape) / columns, terms, columns)
    e = best(cost, range(1, max(1, most) + 1), before)
    if e is None:
        return None
    extents, maps, extra = [*op.extents, e], [list(m) for m in op.operands], len(op.extents)
    extents[w.pixel], extents[w.tap] = -(-pixels // e), taps + w.spread(e)
    maps[k][w.axis] = affine((w.pixel, w.stride * e), (w.tap, w.step), offset=w.offset)
    maps[1 - k][sent.index(w.pixel)] = affine((w.pixel, e), (extra, 1))
    rest = [p.plain for p in op.result if p.plain is not None and p.plain != sent[-1]]
    kept = (*rest, extra, sent[-1])
    shape = tuple(extents[loop] for loop in kept)
    result = tuple(index(loop) for loop in kept)
    apart = Contract(tuple(extents), (tuple(maps[0]), tuple(maps[1])), result, shape, mean=True)
    return _together(op, xs[0].builder.add(apart, *xs), kept, w)


def _together(op: Contract, sums: Value, kept: Sequence[int], w: SlidingWindow) -> Value:
    """dW, from S with the loops `kept` as axes: neighbours and channels are its last two."""
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
    """A mean of sums down few columns, by way of sums down more."""
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
