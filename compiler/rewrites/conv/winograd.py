"""Winograd convolution: which convolutions are computed in tiles of four results, and how.

`winograd_transforms.py` has the idea and its matrices.  Only convolutions with a stride of 1 and
three taps along an axis have this form, and it pays where there are enough channels: the transforms
then cost little beside the products.  Tiles lie along the first such axis, so that a transform goes
over whole rows of an image.  The transformed pixels of a layer are computed once: the gradient of
its weights reads them again.

The gradient of an input adds each product where it belongs (a scatter).  It is first written as a
convolution that reads what belongs to each result (a gather):

    y[j + n, f] += g[j] * W[n, f]    becomes    y[p, f] = sum over n of g[p + n - 2] * W[2 - n, f]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph_tools.roundings import common_rounding, unrounded
from gradc_compiler.machine.cost_model import is_worth
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract, Map, index
from gradc_compiler.ops.shape import slice_axis
from gradc_compiler.rewrites.conv.match import (
    Convolution,
    SlidingWindow,
    affine,
    convolutions,
    depends_on,
    gathered,
    scattering,
    seen_windows,
    uses,
    window,
)
from gradc_compiler.rewrites.conv.winograd_transforms import (
    PIXELS,
    POINTS,
    RESULTS,
    TAPS,
    TILE,
    WEIGHTS,
    in_line,
    of_tiles,
    transform,
    transposed,
)


def apply_winograd(graph: Graph) -> Callable[[Node, list[Value]], Value | None]:
    """Rewrite every convolution that costs clearly less in tiles; its transforms are products with
    a literal.
    """
    examples = MACHINE.typical_block if any(node.op.makes_uniform for node in graph.nodes) else 1

    def rule(node: Node, xs: list[Value]) -> Value | None:
        found = convolutions(node.op, xs) if isinstance(node.op, Contract) else ()
        forms = (form(c, xs, examples) for c in found for form in (_gradient, _in_tiles))
        return next((value for value in forms if value is not None), None)

    return rule


def _in_tiles(c: Convolution, xs: Sequence[Value], examples: int) -> Value | None:
    """A sum of pixels in tiles along the first axis of its result for which that pays."""
    if c.sent:
        return None
    c, xs = _forwards(c, xs)
    for axis, w in _axes(c):
        result = _convolved(c, w, xs, axis=axis, examples=examples)
        if result is not None:
            return result
    return None


def _forwards(c: Convolution, xs: Sequence[Value]) -> tuple[Convolution, Sequence[Value]]:
    """The convolution as a gather: every result once, with the weights read backwards."""
    scatters = [(axis, w) for axis, w in scattering(c, xs) if w.stride == 1]
    if not scatters:
        return c, xs
    W, straight = xs[1 - c.pixels], [index(axis) for axis in range(len(c.weights))]
    backwards = list(straight)
    for axis, w in scatters:
        c, last, tap = gathered(c, w, axis), c.op.extents[w.tap] - 1, c.weights.index(w.tap)
        seen = affine((w.pixel, 1), (w.tap, 1), offset=-last - w.offset)
        c = c.seeing([*c.seen[:axis], seen, *c.seen[axis + 1 :]])
        backwards[tap] = affine((tap, -1), offset=last)
    view = Contract(W.shape, (tuple(backwards),), tuple(straight), W.shape)
    operands = list(xs)
    operands[1 - c.pixels] = W.builder.add(view, W)
    return c, operands


def _axes(c: Convolution) -> Iterator[tuple[int, SlidingWindow]]:
    """The axes of the result along which tiles could lie, and the windows of their pixels."""
    op = c.op
    for axis, p in enumerate(op.result[:-1]):
        j = p.plain
        if j is None or op.extents[j] != op.shape[axis] or j in c.weights:
            continue
        w = window(c.seen, j, c.weights)
        alone = sum(uses(q, j) for q in op.result) == 1
        if w is not None and alone and _fits(op, w) and not depends_on(op.result, w.tap):
            yield axis, w


def _fits(op: Contract, w: SlidingWindow) -> bool:
    return w.stride == w.step == 1 and op.extents[w.tap] == TAPS


def _convolved(
    c: Convolution, w: SlidingWindow, xs: Sequence[Value], *, axis: int, examples: int
) -> Value | None:
    """The convolution in tiles along an axis of its result, if that pays."""
    op, x, W = c.op, xs[c.pixels], xs[1 - c.pixels]
    if not _pays(op, w, _seen_words(op, c.seen) + prod(op.shape), W.type.size / examples):
        return None
    order, k = _order(c, w), index(len(op.extents))
    maps = ((k, *_within(op, c.seen, w)), (k, *(index(loop) for loop in order)))
    shape = tuple(_tiles(op, w) if a == axis else n for a, n in enumerate(op.shape))
    product = Contract(_resized(op, w), maps, (k, *op.result), (POINTS, *shape))
    products = _products(
        product, (x, W), lambda x, W: (_pixels(op, c.seen, w, x), _weights(c, w, order, W))
    )
    rows = in_line(RESULTS, products, axis)
    return rows if rows.shape == op.shape else slice_axis(rows, axis, 0, op.shape[axis])


def _gradient(c: Convolution, xs: Sequence[Value], examples: int) -> Value | None:
    """The mean gradient of weights by way of those of the transformed ones, if that pays."""
    op, x, g = c.op, xs[c.pixels], xs[1 - c.pixels]
    for w in seen_windows(c):
        if not _fits(op, w) or w.tap in c.sent:
            continue
        if _pays(op, w, _seen_words(op, c.seen) + g.type.size, prod(op.shape) / examples):
            return _summed(op, w, (x, g), c.seen, op.operands[1 - c.pixels])
    return None


def _summed(op: Contract, w: SlidingWindow, pair: Sequence[Value], seen: Map, sent: Map) -> Value:
    """dw = G' [(A dy) * (B' x)], for x, read where `seen` says, and dy."""
    axis = [p.plain for p in sent].index(w.pixel)
    tap, k = [p.plain for p in op.result].index(w.tap), index(len(op.extents))
    apart = (k, *(p for a, p in enumerate(op.result) if a != tap))
    shape = (POINTS, *(n for a, n in enumerate(op.shape) if a != tap))
    maps = ((k, *_within(op, seen, w)), (k, *sent))
    product = Contract(_resized(op, w), maps, apart, shape, mean=True)

    def transformed(x: Value, g: Value) -> tuple[Value, Value]:
        spans = [(0, n) for n in g.shape]
        cotangents = of_tiles(transposed(RESULTS), g, axis, _tiles(op, w), spans)
        return _pixels(op, seen, w, x), cotangents

    sums = _products(product, pair, transformed)
    loops = tuple(range(len(shape) - 1))
    result = tuple(index(a) for a in (*loops[:tap], len(loops), *loops[tap:]))
    placed = tuple(index(a) for a in (len(loops) + 1, *loops))
    return transform(transposed(WEIGHTS), sums, shape[1:], placed, result, op.shape)


def _products(
    product: Contract, pair: Sequence[Value], transformed: Callable[[Value, Value], Sequence[Value]]
) -> Value:
    """The products of transformed tensors.  Of two that have been rounded, what is rounded is the
    transformed numbers instead, so that their products are those of rounded numbers as well.
    """
    operator = common_rounding(pair)
    if operator is None:
        return pair[0].builder.add(product, *transformed(*pair))
    x, y = (unrounded(value, operator) or value for value in pair)
    operands = [x.builder.add(OPS[operator](), value) for value in transformed(x, y)]
    return x.builder.add(product, *operands)


def _pays(op: Contract, w: SlidingWindow, words: int, weights: float) -> bool:
    """Whether the products that are saved are worth the numbers that are moved for each example.

    Pixels are read, and transformed ones written, and read instead of pixels; those of the weights
    are read in addition.
    """
    stretch = POINTS * _tiles(op, w) / op.extents[w.pixel]
    moved = words * (1 + stretch) + weights * (1 + 2 * POINTS / TAPS)
    cost = prod(op.extents) * stretch / TAPS + MACHINE.move_cost * moved
    return is_worth(cost, prod(op.extents))


def _tiles(op: Contract, w: SlidingWindow) -> int:
    return -(-op.extents[w.pixel] // TILE)


def _resized(op: Contract, w: SlidingWindow) -> tuple[int, ...]:
    """The loops of the products: over tiles instead of pixels, without taps, and over points."""
    extents = [*op.extents, POINTS]
    extents[w.pixel], extents[w.tap] = _tiles(op, w), 1
    return tuple(extents)


def _seen_words(op: Contract, seen: Map) -> int:
    return prod(high - low + 1 for low, high in (p.range(op.extents) for p in seen))


def _within(op: Contract, seen: Map, w: SlidingWindow) -> Map:
    """Where transformed pixels are read, which begin with the first that the convolution sees."""
    places = [replace(p, offset=p.offset - p.range(op.extents)[0]) for p in seen]
    places[w.axis] = index(w.pixel)
    return tuple(places)


def _pixels(op: Contract, seen: Map, w: SlidingWindow, x: Value) -> Value:
    """B' x, of all pixels that a convolution sees, with the zeros outside."""
    ranges = [p.range(op.extents) for p in seen]
    spans = [(low, high - low + 1) for low, high in ranges]
    return of_tiles(PIXELS, x, w.axis, _tiles(op, w), spans)


def _order(c: Convolution, w: SlidingWindow) -> list[int]:
    """The loops of the weights, as a product reads them: those of the sum as pixels have them."""
    first = {loop: axis for axis, p in reversed([*enumerate(c.seen)]) for loop, _ in p.terms}
    kept = [loop for loop in c.weights if loop != w.tap]
    f = c.op.result[-1].plain
    return sorted(kept, key=lambda loop: (loop == f, first.get(loop, -1)))


def _weights(c: Convolution, w: SlidingWindow, order: Sequence[int], W: Value) -> Value:
    """G w, in that order."""
    rank, loops = len(order), [c.op.extents[loop] for loop in order]
    seen = tuple(index(rank + 1 if j == w.tap else order.index(j)) for j in c.weights)
    result = tuple(index(a) for a in (rank, *range(rank)))
    return transform(WEIGHTS, W, loops, seen, result, (POINTS, *loops))
