"""Contractions to test with: the classic ones by name, and random ones.

A random contraction takes any affine positions: strides, reversed axes, reads and writes outside,
diagonals, loops that only repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from gradc_compiler.ops.contract import Affine, Contract, Map, index
from tests.support.graphs import Array

I, J, K, L, M, N = (index(loop) for loop in range(6))


@dataclass(frozen=True)
class Case:
    """An operator and the shapes of its operands."""

    op: Contract
    shapes: tuple[tuple[int, ...], ...]


def at(*terms: tuple[int, int], offset: int = 0) -> Affine:
    """offset + the sum of coefficient * loop."""
    return Affine(terms, offset)


def convolution(
    size: int,
    kernel: int,
    channels: int,
    features: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: int = 0,
) -> Case:
    """y[h, w, f] = sum of x[stride h + dilation i - padding, ..., c] * k[f, i, j, c]."""
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    rows = at((0, stride), (3, dilation), offset=-padding)
    columns = at((1, stride), (4, dilation), offset=-padding)
    op = Contract(
        (out, out, features, kernel, kernel, channels),
        ((rows, columns, N), (K, L, M, N)),
        (I, J, K),
        (out, out, features),
    )
    return Case(op, ((size, size, channels), (features, kernel, kernel, channels)))


def transposed(size: int, kernel: int, channels: int, features: int, stride: int) -> Case:
    """y[stride h + i, f] += x[h, c] * k[f, i, c], in one dimension, cropped by one at each end."""
    wide = stride * (size - 1) + kernel - 2
    op = Contract(
        (size, features, kernel, channels),
        ((I, L), (J, K, L)),
        (at((0, stride), (2, 1), offset=-1), J),
        (wide, features),
    )
    return Case(op, ((size, channels), (features, kernel, channels)))


def grouped(size: int, kernel: int, groups: int, channels: int, features: int) -> Case:
    """y[h, g, f] = sum of x[h + i, g, c] * k[g, f, i, c]: every group has its own channels."""
    out = size - kernel + 1
    op = Contract(
        (out, groups, features, kernel, channels),
        ((at((0, 1), (3, 1)), J, M), (J, K, L, M)),
        (I, J, K),
        (out, groups, features),
    )
    return Case(op, ((size, groups, channels), (groups, features, kernel, channels)))


def product_of(m: int, k: int, n: int, *, order: str = "nn") -> Case:
    """y[i, j] = sum of a[i, k] * b[k, j]; `t` where the matrix is given transposed."""
    a, a_shape = ((I, K), (m, k)) if order[0] == "n" else ((K, I), (k, m))
    b, b_shape = ((K, J), (k, n)) if order[1] == "n" else ((J, K), (n, k))
    return Case(Contract((m, n, k), (a, b), (I, J), (m, n)), (a_shape, b_shape))


def heads(queries: int, keys: int, heads: int, width: int) -> list[Case]:
    """Attention: scores[h, q, k] from queries and keys [q, h, d], and the mix of the values."""
    scores = Contract(
        (heads, queries, keys, width), ((J, I, L), (K, I, L)), (I, J, K), (heads, queries, keys)
    )
    mixed = Contract(
        (queries, heads, width, keys), ((J, I, L), (L, J, K)), (I, J, K), (queries, heads, width)
    )
    return [
        Case(scores, ((queries, heads, width), (keys, heads, width))),
        Case(mixed, ((heads, queries, keys), (keys, heads, width))),
    ]


def one(extents: Sequence[int], source: Map, result: Map, shape: tuple[int, ...], *x: int) -> Case:
    """A contraction of one operand of shape `x`."""
    return Case(Contract(tuple(extents), (source,), result, shape), (tuple(x),))


def two(
    extents: Sequence[int],
    maps: tuple[Map, Map],
    result: Map,
    shape: tuple[int, ...],
    *shapes: tuple[int, ...],
) -> Case:
    """A contraction of two operands."""
    return Case(Contract(tuple(extents), maps, result, shape), shapes)


# fmt: off
CLASSIC: dict[str, Case] = {
    "matrix times vector": two((7, 37), ((I, J), (J,)), (I,), (7,), (7, 37), (37,)),
    "vector times matrix": two((7, 37), ((J,), (J, I)), (I,), (7,), (37,), (37, 7)),
    "wide vector times matrix": two((37, 7), ((J,), (J, I)), (I,), (37,), (7,), (7, 37)),
    "matrix product": product_of(7, 5, 37),
    "matrix product, a transposed": product_of(7, 5, 37, order="tn"),
    "matrix product, b transposed": product_of(7, 5, 37, order="nt"),
    "matrix product, both transposed": product_of(7, 5, 37, order="tt"),
    "matrix product of one column": product_of(7, 5, 1),
    "matrix product of one row": product_of(1, 5, 7),
    "matrix product of one term": product_of(7, 1, 37),
    "outer product": two((7, 37), ((I,), (J,)), (I, J), (7, 37), (7,), (37,)),
    "inner product": two((37,), ((I,), (I,)), (), (), (37,), (37,)),
    "elementwise product": two((5, 7), ((I, J), (I, J)), (I, J), (5, 7), (5, 7), (5, 7)),
    "rows scaled": two((5, 7), ((I, J), (I,)), (I, J), (5, 7), (5, 7), (5,)),
    "times a scalar": two((5, 7), ((I, J), ()), (I, J), (5, 7), (5, 7), ()),
    "scalar times scalar": two((), ((), ()), (), (), (), ()),
    "convolution": convolution(7, 3, 3, 5),
    "convolution of one channel": convolution(7, 3, 1, 5, padding=1),
    "convolution with stride": convolution(9, 3, 2, 5, stride=2, padding=1),
    "convolution with dilation": convolution(9, 3, 2, 7, dilation=2),
    "convolution, everything": convolution(11, 3, 2, 37, stride=2, dilation=2, padding=2),
    "convolution of one pixel": convolution(5, 1, 3, 7),
    "transposed convolution": transposed(5, 3, 2, 7, 2),
    "grouped convolution": grouped(7, 3, 2, 3, 5),
    "depthwise convolution": grouped(7, 3, 5, 1, 1),
    "attention scores": heads(5, 7, 2, 3)[0],
    "attention mix": heads(5, 7, 2, 3)[1],
    "bilinear": two((3, 5), ((I, J), (J,)), (), (), (3, 5), (5,)),
    "sum": one((5, 7), (I, J), (), (), 5, 7),
    "sum over rows": one((5, 7), (I, J), (J,), (7,), 5, 7),
    "sum over columns": one((5, 7), (I, J), (I,), (5,), 5, 7),
    "sum of the middle": one((3, 5, 7), (I, J, K), (I, K), (3, 7), 3, 5, 7),
    "broadcast": one((5, 7), (J,), (I, J), (5, 7), 7),
    "broadcast along the last": one((5, 7), (I,), (I, J), (5, 7), 5),
    "broadcast of a scalar": one((5, 7), (), (I, J), (5, 7)),
    "transpose": one((7, 5), (J, I), (I, J), (7, 5), 5, 7),
    "slice": one((3, 4), (at((0, 1), offset=1), at((1, 1), offset=2)), (I, J), (3, 4), 5, 7),
    "slice with a step": one((3,), (at((0, 2), offset=1),), (I,), (3,), 7),
    "reversed": one((7,), (at((0, -1), offset=6),), (I,), (7,), 7),
    "reversed rows": one((5, 7), (at((0, -1), offset=4), J), (I, J), (5, 7), 5, 7),
    "padding by writing": one((5,), (I,), (at((0, 1), offset=2),), (9,), 5),
    "padding by reading": one((9,), (at((0, 1), offset=-2),), (I,), (9,), 5),
    "shifted": one((7,), (at((0, 1), offset=-1),), (I,), (7,), 7),
    "windows": one((4, 3), (at((0, 2), (1, 1)),), (I, J), (4, 3), 9),
    "padded windows": one((5, 3), (at((0, 2), (1, 1), offset=-1),), (I, J), (5, 3), 9),
    "windows of windows": one(
        (3, 2, 3, 2), (at((0, 2), (1, 1), (2, 1)), at((2, 1), (3, 1))), (I, K, J), (3, 3, 2), 7, 4
    ),
    "sum of windows": one((4, 3), (at((0, 2), (1, 1)),), (I,), (4,), 9),
    "sum into windows": one((4, 3), (I, J), (at((0, 2), (1, 1)),), (9,), 4, 3),
    "sum into overlapping windows": one((7, 3), (I, J), (at((0, 1), (1, 1)),), (9,), 7, 3),
    "diagonal": one((5,), (I, I), (I,), (5,), 5, 5),
    "onto the diagonal": one((5,), (I,), (I, I), (5, 5), 5),
    "trace": one((5,), (I, I), (), (), 5, 5),
    "repeated three times": one((5, 3), (I,), (I,), (5,), 5),
    "row of a matrix": one((7,), (at(offset=2), I), (I,), (7,), 5, 7),
    "into a row": one((7,), (I,), (at(offset=2), I), (5, 7), 7),
    "every second place": one((4,), (I,), (at((0, 2)),), (8,), 4),
    "the first of many places": one((5,), (I,), (I,), (9,), 5),
    "sum into the first row": one((5, 7), (I, J), (at(), J), (3, 7), 5, 7),
    "product in the first columns": two(
        (3, 5, 7), ((I, K), (K, J)), (I, J), (4, 9), (3, 7), (7, 5)
    ),
    "written backwards": one((5,), (I,), (at((0, -1), offset=4),), (5,), 5),
    "partly written outside": one((7,), (I,), (at((0, 1), offset=-2),), (4,), 7),
    "correlation of two signals": two(
        (5, 3), ((at((0, 1), (1, 1)),), (J,)), (I,), (5,), (7,), (3,)
    ),
    "true convolution": two((7, 3), ((I,), (J,)), (at((0, 1), (1, 1)),), (9,), (7,), (3,)),
    "reversed kernel": two(
        (5, 3), ((at((0, 1), (1, 1)),), (at((1, -1), offset=2),)), (I,), (5,), (7,), (3,)
    ),
    "polynomial product in two dimensions": two(
        (3, 4, 2, 2), ((I, J), (K, L)), (at((0, 1), (2, 1)), at((1, 1), (3, 1))), (4, 5),
        (3, 4), (2, 2),
    ),
}
# fmt: on


def random_case(
    rng: np.random.Generator, operands: int, sizes: Sequence[int] = (1, 2, 3, 5)
) -> Case:
    """Up to four loops; every position a small affine function of them."""
    extents = tuple(int(n) for n in rng.choice(sizes, size=rng.integers(1, 5)))
    maps, shapes = zip(*(_random_map(rng, extents) for _ in range(operands + 1)), strict=True)
    return Case(Contract(extents, maps[:-1], maps[-1], shapes[-1]), shapes[:-1])


def _random_map(rng: np.random.Generator, extents: tuple[int, ...]) -> tuple[Map, tuple[int, ...]]:
    positions, shape = [], []
    loops = [int(j) for j in rng.permutation(len(extents))]
    while loops or (not positions and rng.random() < 0.5):
        if rng.random() < 0.3:  # not every loop moves this operand
            break
        used = sorted(loops[: rng.choice([1, 1, 1, 2])])
        loops = loops[len(used) :]
        coefficients = rng.choice([1, 1, 1, 1, 2, -1], size=len(used))
        position = Affine(tuple(zip(used, map(int, coefficients), strict=True)))
        low, high = position.range(extents)
        shift = int(rng.choice([0, 0, 0, 0, 1, -1]))
        positions.append(Affine(position.terms, shift - low))
        shape.append(max(1, high - low + 1 + shift + int(rng.choice([0, 0, 0, 1, -1]))))
    return tuple(positions), tuple(shape)


def naive(op: Contract, *arrays: Array) -> Array:
    """The sum as it is written, one term at a time, for one example."""
    result = np.zeros(op.shape)
    for loops in product(*(range(n) for n in op.extents)):
        place = position(op.result, loops)
        term = 1.0
        for array, m in zip(arrays, op.operands, strict=True):
            here = position(m, loops)
            term *= array[here] if inside(here, array.shape) else 0.0
        if inside(place, op.shape):
            result[place] += term
    return result


def position(m: Map, loops: Sequence[int]) -> tuple[int, ...]:
    """Where a map points, at given loop indices."""
    return tuple(p.offset + sum(c * loops[loop] for loop, c in p.terms) for p in m)


def inside(place: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a position is one of a tensor's."""
    return all(0 <= i < n for i, n in zip(place, shape, strict=True))
