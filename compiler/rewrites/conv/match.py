"""Pattern matching of convolutions: which loops of a contraction are pixels, taps and channels.

A contraction does not say that it is a convolution.  It is one where a position in one tensor is
affine in two loops, `stride * pixel + step * tap + offset` (a *sliding window*), and the weights
are all that has the taps alone.  Three tensors take part, and each may be the result:

    y[j, f] = sum over n of x[2j + n] * W[n, f]       forward
    x[2j + n] += y[j, f] * W[n, f]                    backward data: a scatter, axis by axis
    W[n, f] = mean of sums over j of x[2j + n] * y[j, f]         backward filter

All are a `Convolution` here, and the rewrites of this folder choose between its forms.  Which axes
scatter is asked in `scattering` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.graph.graph import Value
from gradc_compiler.machine.cost_model import is_worth
from gradc_compiler.ops.contract import Affine, Contract, Map, index
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """The position stride * pixel + step * tap + offset along an axis, for two loops."""

    axis: int
    pixel: int
    stride: int
    tap: int
    step: int
    offset: int

    def spread(self, neighbours: int) -> int:
        """How many more taps so many neighbouring windows have together than one has."""
        return (neighbours - 1) * self.stride // self.step


@dataclass(frozen=True, slots=True)
class Convolution:
    """A contraction of pixels (operand number `pixels`, 0 or 1) and weights, or of pixels and a
    cotangent, whose loops are then `sent`: the weights are the result.
    """

    op: Contract
    pixels: int
    weights: tuple[int, ...]  # the loop of each axis
    sent: tuple[int, ...] = ()  # likewise

    @property
    def seen(self) -> Map:
        """Where the pixels are read."""
        return self.op.operands[self.pixels]

    def seeing(self, seen: Sequence[Affine]) -> Convolution:
        """The same, with its pixels read elsewhere."""
        operands = list(self.op.operands)
        operands[self.pixels] = tuple(seen)
        return replace(self, op=replace(self.op, operands=tuple(operands)))

    @property
    def visits(self) -> int:
        """How often numbers of the result are written, all together."""
        return prod(self.op.extents[j] for j in self._written())

    @property
    def terms(self) -> int:
        """How many products are summed before each of those writes."""
        return prod(self.op.extents) // self.visits

    def _written(self) -> set[int]:
        return {loop for p in self.op.result for loop, _ in p.terms}


def window(m: Map, pixel: int, taps: Iterable[int]) -> SlidingWindow | None:
    """The sliding window of the loop `pixel` in a map; None unless that loop stands in a single
    position, together with one of the loops `taps`.
    """
    axes = [a for a, p in enumerate(m) if pixel in dict(p.terms)]
    if len(axes) != 1 or len(m[axes[0]].terms) != 2:
        return None
    position = m[axes[0]]
    ((tap, step),) = (term for term in position.terms if term[0] != pixel)
    stride = dict(position.terms)[pixel]
    alone = sum(uses(p, tap) for p in m) == 1
    fits = tap in taps and alone and stride > 0 and step > 0 and stride % step == 0
    return SlidingWindow(axes[0], pixel, stride, tap, step, position.offset) if fits else None


def uses(position: Affine, loop: int) -> bool:
    """Whether a position depends on a loop."""
    return loop in dict(position.terms)


def depends_on(m: Map, loop: int) -> bool:
    """Whether any position of a map depends on a loop."""
    return any(uses(p, loop) for p in m)


def is_full_index(op: Contract, m: Map, shape: Sequence[int]) -> tuple[int, ...]:
    """The loop of each axis, where a map reads all of a tensor, a different loop along every axis;
    else nothing.
    """
    loops = tuple(p.plain for p in m if p.plain is not None)
    distinct = len(set(loops)) == len(m)
    return loops if distinct and [op.extents[loop] for loop in loops] == [*shape] else ()


def covers(op: Contract) -> bool:
    """Whether a contraction writes every element of its result (else it must be zeroed first)."""
    used = [j for p in op.result for j, _ in p.terms if op.extents[j] > 1]
    whole = all(fills(p, op.extents, n) for p, n in zip(op.result, op.shape, strict=True))
    return whole and len(used) == len(set(used))


def fills(position: Affine, extents: Sequence[int], size: int) -> bool:
    """Whether an affine position takes every value of an axis.

    Steps in order of length leave no gap while none is longer than what is filled before it; where
    one is, the values are counted as the bits of a number.
    """
    terms = sorted((abs(c), extents[j]) for j, c in position.terms)
    if size == 0 or not all(extent for _, extent in terms):
        return size == 0
    low, high = position.range(extents)
    if low > 0 or high < size - 1:
        return False
    filled = 1
    for step, extent in terms:
        if step > filled:
            break
        filled += step * (extent - 1)
    return filled == high - low + 1 or _bits(terms) >> -low & (1 << size) - 1 == (1 << size) - 1


def _bits(terms: Sequence[tuple[int, int]]) -> int:
    """The values that sums of steps take, as the bits of a number."""
    bits = 1
    for step, extent in terms:
        made = 1
        while made < extent:
            more = min(made, extent - made)
            bits, made = bits | bits << step * more, made + more
    return bits


def affine(*terms: tuple[int, int], offset: int = 0) -> Affine:
    """offset + the sum of coefficient * loop, in the order of the loops."""
    return Affine(tuple(sorted(terms)), offset)


def best(cost: Callable[[int], float], choices: Iterable[int], before: float) -> int | None:
    """The choice of least cost, if that is clearly less than the cost `before`; else None."""
    choice = min(choices, key=cost, default=None)
    return choice if choice is not None and is_worth(cost(choice), before) else None


def convolutions(op: Contract, xs: Sequence[Value]) -> Iterator[Convolution]:
    """The ways to take a contraction of two operands for a convolution."""
    if len(xs) != 2:
        return iter(())
    return _filter_gradients(op, xs) if op.mean else _sums(op, xs)


def _sums(op: Contract, xs: Sequence[Value]) -> Iterator[Convolution]:
    """The ways to take one operand for pixels and the other for weights, where the result's last
    axis is the channels.
    """
    f = op.result[-1].plain if len(op.result) > 1 else None
    for k, w in ((0, 1), (1, 0)):
        weights = is_full_index(op, op.operands[w], xs[w].shape)
        if f is None or f not in weights or op.extents[f] != op.shape[-1]:
            continue
        alone = not depends_on(op.operands[k], f) and not depends_on(op.result[:-1], f)
        if alone and not xs[w].builder.is_varying(xs[w]):
            yield Convolution(op, k, weights)


def _filter_gradients(op: Contract, xs: Sequence[Value]) -> Iterator[Convolution]:
    """The ways to take one operand for pixels and the other for a cotangent."""
    weights = is_full_index(op, op.result, op.shape)
    if not weights or any(x.type.time is not None for x in xs):
        return
    for k in (0, 1):
        sent = is_full_index(op, op.operands[1 - k], xs[1 - k].shape)
        if sent:
            yield Convolution(op, k, weights, sent)


def seen_windows(c: Convolution) -> Iterator[SlidingWindow]:
    """The windows through which the gradient of weights sees pixels, one for each axis."""
    found = (window(c.seen, j, c.weights) for j in c.sent if j not in c.weights)
    return (w for w in found if w is not None)


def scattering(c: Convolution, xs: Sequence[Value]) -> Iterator[tuple[int, SlidingWindow]]:
    """The axes of the pixels along which every product is added where it belongs, each with the
    window that its loop is in: all pixels are read, in order, and nothing else depends on them.
    """
    for axis, p in enumerate(c.seen):
        j = p.plain
        if j is None or j in c.weights or c.op.extents[j] != xs[c.pixels].shape[axis]:
            continue
        w = window(c.op.result, j, c.weights)
        alone = sum(uses(q, j) for q in c.seen) == 1
        if w is not None and w.step == 1 and alone and not depends_on(c.seen, w.tap):
            yield axis, w


def gathered(c: Convolution, w: SlidingWindow, axis: int) -> Convolution:
    """The same with a loop over the numbers of its result along an axis, instead of the pixels
    that it sees there: for a scatter of stride 1.
    """
    extents, seen, result = list(c.op.extents), list(c.seen), list(c.op.result)
    extents[w.pixel], result[w.axis] = c.op.shape[w.axis], index(w.pixel)
    seen[axis] = affine((w.pixel, 1), (w.tap, -1), offset=-w.offset)
    return replace(c, op=replace(c.op, extents=tuple(extents), result=tuple(result))).seeing(seen)
