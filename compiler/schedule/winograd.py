"""Convolutions with fewer multiplications: four neighbours of a result from six products, not 12.

A convolution with three taps along an axis is, for every four of its results, the product of two
polynomials.  Those are multiplied by their values at six points (Toom and Cook; Winograd, 1980;
Lavin & Gray, "Fast algorithms for convolutional neural networks", 2016):

    y = A' [(G w) * (B' x)]        y: 4 results, w: 3 taps, x: the 6 pixels that these see

The transforms B', G and A' are sums of a few vectors; between them stand six products half as large
together as the one they replace, each a convolution along the other axes.  The gradient of
the input is a convolution too; that of the weights is the same equation, read for w:

    dw = G' [(A dy) * (B' x)]

The points are 0, 3/4, -3/4, 3/2, -3/2 and infinity.  A rounding error grows with the entries of A';
these keep it within twice that of the sum itself (measured on 192 terms; 3.4 times with the usual
1 and 2), and every entry of A and B is a short binary fraction.  An infinite number makes NaN of
its neighbours.

Names: as in `narrow.py`; `e` counts the neighbours of a tile, `k` the points.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.graph.graph import Value
from compiler.ops.contract import Affine, Contract, index

TAPS, TILE, POINTS = 3, 4, 6

_S, _L = 3 / 4, 3 / 2  # the small point and the large one
_SS, _LL = _S * _S, _L * _L
_N, _M = 2 * _SS * (_SS - _LL), 2 * _LL * (_LL - _SS)

Matrix = tuple[tuple[float, ...], ...]

PIXELS: Matrix = (  # B'
    (_SS * _LL, 0, -_SS - _LL, 0, 1, 0),
    (0, -_S * _LL, -_LL, _S, 1, 0),
    (0, _S * _LL, -_LL, -_S, 1, 0),
    (0, -_L * _SS, -_SS, _L, 1, 0),
    (0, _L * _SS, -_SS, -_L, 1, 0),
    (0, _SS * _LL, 0, -_SS - _LL, 0, 1),
)
WEIGHTS: Matrix = (  # G
    (1 / (_SS * _LL), 0, 0),
    (1 / _N, _S / _N, _SS / _N),
    (1 / _N, -_S / _N, _SS / _N),
    (1 / _M, _L / _M, _LL / _M),
    (1 / _M, -_L / _M, _LL / _M),
    (0, 0, 1),
)
RESULTS: Matrix = (  # A'
    (1, 1, 1, 1, 1, 0),
    (0, _S, -_S, _L, -_L, 0),
    (0, _SS, _SS, _LL, _LL, 0),
    (0, _S * _SS, -_S * _SS, _L * _LL, -_L * _LL, 1),
)


def transposed(matrix: Matrix) -> Matrix:
    """Rows as columns."""
    return tuple(zip(*matrix, strict=True))


def transform(matrix: Matrix, xs: Sequence[Value]) -> list[Value]:
    """The matrix times a vector of tensors."""
    return [_combined([(c, x) for c, x in zip(row, xs, strict=True) if c]) for row in matrix]


def _combined(terms: Sequence[tuple[float, Value]]) -> Value:
    """The sum of tensors, each times its number; products that differ in sign are shared."""
    (c, first), *others = sorted(terms, key=lambda term: -term[0])
    total = first if c == 1 else first * c
    for c, x in others:
        term = x if abs(c) == 1 else x * abs(c)
        total = total + term if c > 0 else total - term
    return total


def tiles_of(
    x: Value, axis: int, tiles: int, count: int, spans: Sequence[tuple[int, int]]
) -> list[Value]:
    """Every fourth slice of a tensor along an axis, from each of the first ones on.

    `spans`: the first place that is looked at, and how many, along each axis; outside are zeros.
    """
    shape = tuple(tiles if a == axis else n for a, (_, n) in enumerate(spans))
    straight = tuple(index(a) for a in range(len(spans)))
    views = []
    for e in range(count):
        at = [Affine(((a, 1),), low) for a, (low, _) in enumerate(spans)]
        at[axis] = Affine(((axis, TILE),), spans[axis][0] + e)
        views.append(x.builder.add(Contract(shape, (tuple(at),), straight, shape), x))
    return views
