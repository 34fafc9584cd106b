"""Random draws from a counter-based generator: Philox4x32-10.

Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.  A draw is a
pure function of (seed, node, step, example, element), so no result depends on how a batch was cut
or how many threads ran.  key = (seed, node), counter = (element, example, step, time), where time
is the place within a sequence, 0 for anything else.
uniform = (word0 >> 8) * 2^-24, in [0, 1); normal by Box and Muller from (word0, word1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from compiler.graph.graph import Value
from compiler.graph.registry import register
from compiler.graph.types import TensorType, Time
from compiler.ops.base import Array, Op, real

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)


ZERO = np.zeros(1, np.int64)
PIECE = 1 << 16  # elements


def philox(counter: list[Array], key: tuple[int, int]) -> list[Array]:
    """Ten rounds on four uint32 words (as uint64 arrays)."""
    mask = np.uint64(0xFFFFFFFF)
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) & mask for c in counter)
    for i in range(10):
        k0, k1 = (np.uint64((k + i * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL, strict=True))
        p0, p1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ k0,
            p1 & mask,
            (p0 >> np.uint64(32)) ^ c3 ^ k1,
            p0 & mask,
        )
    return [c0, c1, c2, c3]


def draw(
    normal: bool, seed: int, step: int, node: int, examples: Array, size: int, times: Array = ZERO
) -> Array:
    """[examples, size] numbers in float64; `times` are the places within their sequences.

    Made in pieces: each number takes a dozen words on its way.
    """
    starts = range(0, max(1, size), PIECE)
    pieces = (np.arange(start, min(size, start + PIECE)) for start in starts)
    made = [_drawn(normal, seed, step, node, examples, piece, times) for piece in pieces]
    return made[0] if len(made) == 1 else np.concatenate(made, axis=1)


def _drawn(
    normal: bool, seed: int, step: int, node: int, examples: Array, elements: Array, times: Array
) -> Array:
    columns = (elements[None], examples[:, None], np.full((1, 1), step), times[:, None])
    words = philox(list(np.broadcast_arrays(*columns)), (seed, node))
    u0, u1 = ((w >> np.uint64(8)).astype(float) * 2.0**-24 for w in words[:2])
    if not normal:
        return u0
    return np.sqrt(-2.0 * np.log(u0 + 2.0**-25)) * np.cos(2.0 * np.pi * u1)


@register
@dataclass(frozen=True)
class Random(Op):
    """Independent draws of a shape: uniform on [0, 1) or standard normal; with `time`, for every
    element of a sequence.

    Operands: the counters `seed` and `step`.  `shared` draws are the same for every example.
    """

    node: int
    shape: tuple[int, ...]
    normal: bool = False
    shared: bool = False
    time: Time | None = None
    name: ClassVar[str] = "random"

    @property
    def makes_varying(self) -> bool:
        """A draw is made for each example, unless shared."""
        return not self.shared

    def infer(self, seed: TensorType, step: TensorType) -> TensorType:
        return real(self.shape).over(self.time)

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        return [None, None]

    def sample(self, seed: int, step: int, examples: Array, times: Array = ZERO) -> Array:
        """Draws for the given example numbers and places in time, [n, *shape]."""
        flat = draw(self.normal, seed, step, self.node, examples, int(np.prod(self.shape)), times)
        return flat.reshape(len(examples), *self.shape)
