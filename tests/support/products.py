"""Contractions of three and more operands to test with, and the classic ones beside them."""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.ops.contract import Contract, Map
from tests.support.contractions import CLASSIC, Case, I, J, K, L, at


def many(
    extents: Sequence[int],
    maps: Sequence[Map],
    result: Map,
    shape: tuple[int, ...],
    *shapes: tuple[int, ...],
) -> Case:
    """A contraction of any number of operands."""
    return Case(Contract(tuple(extents), tuple(maps), result, shape), shapes)


# fmt: off
MANY: dict[str, Case] = {
    "bilinear form": many((9, 7), ((I,), (I, J), (J,)), (), (), (9,), (9, 7), (7,)),
    "bilinear layer": many((5, 7, 3), ((I,), (K, I, J), (J,)), (K,), (3,), (5,), (3, 5, 7), (7,)),
    "weighted rows": many((5, 7), ((I, J), (I, J), (J,)), (I,), (5,), (5, 7), (5, 7), (7,)),
    "product of three in place": many((5, 7), ((I, J),) * 3, (I, J), (5, 7), *((5, 7),) * 3),
    "product of three, turned": many(
        (5, 7), ((I, J), (J, I), (J,)), (J, I), (7, 5), (5, 7), (7, 5), (7,)
    ),
    "sums of each of four": many(
        (3, 5, 2, 7), ((I,), (J,), (K,), (L,)), (), (), (3,), (5,), (2,), (7,)
    ),
    "outer product of three": many(
        (3, 5, 7), ((I,), (J,), (K,)), (I, J, K), (3, 5, 7), (3,), (5,), (7,)
    ),
    "chain of matrices": many(
        (3, 5, 7, 2), ((I, J), (J, K), (K, L)), (I, L), (3, 2), (3, 5), (5, 7), (7, 2)
    ),
    "distances that no pair may hold": many(
        (5, 5, 5), ((I, K), (J, K), (at((0, 1), (1, 1), (2, 1)),)), (I, J), (5, 5),
        (5, 5), (5, 5), (13,),
    ),
    "masked convolution": many(
        (7, 3, 5, 2), ((at((0, 1), (1, 1), offset=-1), L), (K, J, L), (I, K)), (I, K), (7, 5),
        (7, 2), (5, 3, 2), (7, 5),
    ),
    "three windows, partly outside": many(
        (5, 3),
        ((at((0, 2), (1, 1), offset=-1),), (at((0, 1), (1, -1)),), (at((1, 2), offset=-1),)),
        (at((0, 1), (1, 1), offset=-1),), (6,), (9,), (5,), (4,),
    ),
    "three factors into overlapping windows": many(
        (7, 3), ((I, J), (J,), (I,)), (at((0, 1), (1, 1)),), (9,), (7, 3), (3,), (7,)
    ),
    "three factors and a repeated sum": many(
        (5, 3, 2), ((I,), (I,), (J,)), (I,), (5,), (5,), (5,), (3,)
    ),
}
# fmt: on
CASES = CLASSIC | MANY
