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

Names: as in `fold_width.py`; `e` counts the neighbours of a tile, `k` the points.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.graph.graph import Value
from gradc_compiler.ops.contract import Affine, Contract, Map, index
from gradc_compiler.ops.leaf import Literal

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


def transform(
    matrix: Matrix, x: Value, loops: Sequence[int], seen: Map, result: Map, shape: Sequence[int]
) -> Value:
    """y[result] = the sum over j of matrix[i, j] * x[seen]: i and j are two loops after `loops`."""
    rows, columns = len(matrix), len(matrix[0])
    i, j = len(loops), len(loops) + 1
    values = tuple(float(c) for row in matrix for c in row)
    literal = x.builder.add(Literal(values, (rows, columns)))
    op = Contract(
        (*loops, rows, columns), (seen, (index(i), index(j))), tuple(result), tuple(shape)
    )
    return x.builder.add(op, x, literal)


def of_tiles(
    matrix: Matrix, x: Value, axis: int, tiles: int, spans: Sequence[tuple[int, int]]
) -> Value:
    """The matrix times every fourth window of x along an axis, as [k, ...].

    `spans`: the first place that is looked at, and how many, along each axis; outside are zeros.
    """
    rank = len(spans)
    loops = [tiles if a == axis else n for a, (_, n) in enumerate(spans)]
    seen = [Affine(((a, 1),), low) for a, (low, _) in enumerate(spans)]
    seen[axis] = Affine(((axis, TILE), (rank + 1, 1)), spans[axis][0])
    result = tuple(index(a) for a in (rank, *range(rank)))
    return transform(matrix, x, loops, tuple(seen), result, (len(matrix), *loops))


def in_line(matrix: Matrix, x: Value, axis: int) -> Value:
    """The matrix times x, which is [k, ...], its results side by side along an axis."""
    rank, rows = len(x.shape) - 1, len(matrix)
    seen = tuple(index(a) for a in (rank + 1, *range(rank)))
    result = [index(a) for a in range(rank)]
    result[axis] = Affine(((axis, rows), (rank, 1)))
    shape = [n * rows if a == axis else n for a, n in enumerate(x.shape[1:])]
    return transform(matrix, x, x.shape[1:], seen, tuple(result), shape)
