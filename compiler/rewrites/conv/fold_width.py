"""Width folding: convolutions of few channels take neighbouring pixels into a vector as well.

A kernel multiplies one number by a vector of columns.  The columns of a convolution are its
channels, and 8 channels fill only half of a vector of 16 numbers.  So pixels that lie beside one
another become columns too (space-to-depth, on the side of the result):

    y[2J + e, f] = sum over N of x[2J + N] * V[N, e, f]          where V[n + e, e, f] = W[f, n]

Half as many rows, for one tap more.  Exact but for the order of the sum (and for an infinite
number, which meets zeros of V where it met nothing).  The gradient of the input, likewise:

    y[2j + n, f] += g[j] * W[n, f]    becomes    y[2J + e, f] = sum over u of g[J + u] * V[u, e, f]

What is gained is what `product` of the cost model says, by sizes alone.  Names: `j` the loop over
pixels, `n` over taps, `e` over neighbours, `f` over channels; all positions of the weights are
plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.machine.cost_model import product
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.ops.shape import broadcast
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.conv.match import (
    Convolution,
    SlidingWindow,
    affine,
    best,
    convolutions,
    depends_on,
    scattering,
    window,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form that a convolution takes: some `neighbours` of a pixel are columns."""

    neighbours: int
    pixel: int  # the loop over pixels
    tap: int  # the loop over taps, now of `taps`
    taps: int
    axis: int  # of the pixels' operand, and where it is read along it
    seen: Affine
    tap_axis: Affine  # where the wider weights have a number of the narrow ones; a loop more
    neighbour_axis: Affine
    loop: int  # the extent of that one


def fold_width_into_channels(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite every convolution for which another form costs clearly less."""
    return lambda node, xs: _widened(node.op, xs) if isinstance(node.op, Contract) else None


def broadcast_bias(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Repeat the short vectors that elementwise operators read."""

    def rule(node: Node, xs: list[Value]) -> Value | None:
        if not isinstance(node.op, Elementwise):
            return None
        longer = [repeated(x, node.type.shape) for x in xs]
        if all(new is x for new, x in zip(longer, xs, strict=True)):
            return None
        builder = xs[0].builder
        return builder.value(builder.copy(node, [x.id for x in longer]))

    return rule


def repeated(x: Value, shape: Sequence[int]) -> Value:
    """A uniform vector of few numbers, repeated beside itself to be read as one longer loop.

    A bias of 8 numbers, added to rows of pixels, would be a loop of half a vector.
    """
    short = x.shape == tuple(shape[-1:]) != tuple(shape) and 1 < shape[-1] < MACHINE.panel
    if not short or x.builder.is_varying(x):
        return x
    first = len(shape) - 1
    while first > 0 and prod(shape[first:]) < MACHINE.wide:
        first -= 1
    return x.builder.add(Copy(), broadcast(x, tuple(shape[first:])))


def _widened(op: Contract, xs: Sequence[Value]) -> Value | None:
    """A convolution with neighbours of the result as columns, read or added to."""
    for forms in (_gathering, _scattering):
        for c in (c for c in convolutions(op, xs) if not c.sent):
            form = next(forms(c, xs), None)
            if form is not None:
                return _rewritten(c, form, xs)
    return None


def _gathering(c: Convolution, xs: Sequence[Value]) -> Iterator[Form]:
    """The form of a convolution that reads, for each number of its result, what belongs to it."""
    op, j = c.op, c.op.result[-2].plain
    if j is None or op.extents[j] != op.shape[-2] or depends_on(op.result[:-2], j):
        return
    w = window(c.seen, j, c.weights)
    if w is not None and j not in c.weights and not depends_on(op.result, w.tap):
        yield from _neighboured(c, w)


def _scattering(c: Convolution, xs: Sequence[Value]) -> Iterator[Form]:
    """The form of a convolution that adds each product where it belongs."""
    for axis, w in scattering(c, xs):
        if w.axis == len(c.op.result) - 2:
            yield from _turned(c, w, axis)


def _neighboured(c: Convolution, w: SlidingWindow) -> Iterator[Form]:
    """How many neighbours of a convolution's result are best as columns, if any."""
    op, (pixels, channels) = c.op, c.op.shape[-2:]
    taps, tap, extra = op.extents[w.tap], c.weights.index(w.tap), len(c.weights)

    def cost(e: int) -> float:
        rows = c.visits / channels * -(-pixels // e) / pixels
        return product(rows, c.terms * (taps + w.spread(e)) / taps, channels * e)

    e = best(cost, range(2, MACHINE.panel // channels + 1), cost(1))
    if e is None:
        return
    yield Form(
        neighbours=e, pixel=w.pixel, tap=w.tap, taps=taps + w.spread(e), axis=w.axis,
        seen=affine((w.pixel, w.stride * e), (w.tap, w.step), offset=w.offset),
        tap_axis=affine((tap, 1), (extra, w.stride // w.step)),
        neighbour_axis=index(extra), loop=e,
    )  # fmt: skip


def _turned(c: Convolution, w: SlidingWindow, axis: int) -> Iterator[Form]:
    """How many neighbours suit the stride best, if that is faster; and which taps are multiplied
    with which.
    """
    h = _strides(c, w)
    if h is None:
        return
    first, count = _reach(c, w, h)
    tap, extra = c.weights.index(w.tap), len(c.weights)
    yield Form(
        neighbours=h * w.stride, pixel=w.pixel, tap=w.tap, taps=count, axis=axis,
        seen=affine((w.pixel, h), (w.tap, 1), offset=first),
        tap_axis=index(extra),
        neighbour_axis=affine((tap, 1), (extra, w.stride), offset=w.offset + first * w.stride),
        loop=count,
    )  # fmt: skip


def _strides(c: Convolution, w: SlidingWindow) -> int | None:
    """How many strides the neighbours span, if that is faster."""
    op, (size, channels), taps = c.op, c.op.shape[-2:], c.op.extents[w.tap]
    together = [c.weights.index(w.tap), c.weights.index(op.result[-1].plain or 0)]
    merged = together == [len(c.weights) - 2, len(c.weights) - 1]
    before = product(c.visits / channels / (taps if merged else 1), c.terms,
                     channels * (taps if merged else 1))  # fmt: skip

    def cost(h: int) -> float:
        rows = c.visits / op.extents[w.pixel] / taps / channels * -(-size // (h * w.stride))
        return product(rows, c.terms * _reach(c, w, h)[1], channels * h * w.stride)

    return best(cost, range(1, MACHINE.panel // (channels * w.stride) + 1), before)


def _reach(c: Convolution, w: SlidingWindow, h: int) -> tuple[int, int]:
    """The first pixel that products with h strides of neighbours read, and how many pixels they
    read.
    """
    first = -(-(1 - c.op.extents[w.tap] - w.offset) // w.stride)
    return first, (h * w.stride - 1 - w.offset) // w.stride - first + 1


def _rewritten(c: Convolution, form: Form, xs: Sequence[Value]) -> Value:
    """The contraction in another form, with the weights that it wants."""
    op, f, extra = c.op, c.op.result[-1].plain, len(c.op.extents)
    assert f is not None, "channels are plain"
    extents = [*op.extents, form.neighbours]
    extents[form.pixel] = -(-op.shape[-2] // form.neighbours)
    extents[form.tap] = form.taps
    seen = list(c.seen)
    seen[form.axis] = form.seen
    order = _order(c, seen)
    weights = (*(index(loop) for loop in order), index(extra), index(f))
    maps = (tuple(seen), weights) if c.pixels == 0 else (weights, tuple(seen))
    beside = affine((form.pixel, form.neighbours), (extra, 1))
    wider = Contract(tuple(extents), maps, (*op.result[:-2], beside, op.result[-1]), op.shape)
    operands = list(xs)
    operands[1 - c.pixels] = _expanded(xs[1 - c.pixels], c, (*order, f), form)
    return xs[0].builder.add(wider, *operands)


def _order(c: Convolution, seen: Sequence[Affine]) -> list[int]:
    """The loops of a sum over the weights, in the order in which pixels move with them.

    So pixels that follow one another, with all their channels, are one loop.
    """
    first = {loop: axis for axis, p in reversed([*enumerate(seen)]) for loop, _ in p.terms}
    kept = [loop for loop in c.weights if loop != c.op.result[-1].plain]
    return sorted(kept, key=lambda loop: first.get(loop, -1))


def _expanded(W: Value, c: Convolution, loops: Sequence[int], form: Form) -> Value:
    """The weights V[.., tap, .., neighbour, channel], zero where a neighbour misses a tap."""
    *order, channels = loops
    axes = {loop: (index(a), n) for a, (loop, n) in enumerate(zip(c.weights, W.shape, strict=True))}
    source = tuple(p for p, _ in axes.values())
    axes[form.tap] = (form.tap_axis, form.taps)
    neighbours = (form.neighbour_axis, form.neighbours)
    result = [*(axes[loop] for loop in order), neighbours, axes[channels]]
    positions, shape = zip(*result, strict=True)
    op = Contract((*W.shape, form.loop), (source,), positions, shape)
    return W.builder.add(op, W)
