"""Random draws from a counter-based generator: Philox4x32-10.

Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.  A draw is a
pure function of (seed, node, step, example, element), so no result depends on how a batch was cut
or how many threads ran.  key = (seed, node), counter = (element, example, step, time), where time
is the place within a sequence, 0 for anything else.
uniform = (word0 >> 8) * 2^-24, in [0, 1); normal by Box and Muller from (word0, word1).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from threading import Thread
from typing import ClassVar

import numpy as np

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array, Op, real
from gradc_compiler.graph.op_registry import register
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.records.fast_dataclass import dataclass

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)


MASK = np.uint64(0xFFFFFFFF)
PIECE = MACHINE.random_piece  # numbers drawn at once, whose words stay in the cache

ZERO = np.zeros(1, np.int64)


def philox(words: Array, key: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """Ten rounds on four uint32 words, the first of `words` [7, ...].

    The words are uint64, and all seven are overwritten: fresh memory would take longer than rounds.
    """
    c0, c1, c2, c3, p0, p1, high = words
    for i in range(10):
        k0, k1 = (np.uint64((k + i * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL, strict=True))
        np.multiply(c0, np.uint64(MULTIPLIERS[0]), out=p0)
        np.multiply(c2, np.uint64(MULTIPLIERS[1]), out=p1)
        for product, word, k in ((p1, c1, k0), (p0, c3, k1)):
            np.right_shift(product, np.uint64(32), out=high)
            word ^= high
            word ^= k
            product &= MASK
        c0, c1, c2, c3, p0, p1 = c1, p1, c3, p0, c0, c2
    return c0, c1, c2, c3


def draw(
    normal: bool, seed: int, step: int, node: int, examples: Array, size: int, times: Array = ZERO
) -> Array:
    """[examples, size] numbers in float64; `times` are the places within their sequences.

    Many are drawn on all cores: NumPy lets other threads run while it computes, and a number does
    not depend on the others.
    """
    rows = np.broadcast(examples, times).size
    drawn, width = np.empty((rows, size)), max(1, PIECE // max(1, rows))
    counters = examples[:, None] & 0xFFFFFFFF, step & 0xFFFFFFFF, times[:, None]

    def fill(first: int, end: int) -> None:
        words = np.empty((7, rows, min(width, end - first)), np.uint64)
        for start in range(first, end, width):
            piece = drawn[:, start : min(start + width, end)]
            used = words[:, :, : piece.shape[1]]
            used[0] = np.arange(start, start + piece.shape[1])
            used[1], used[2], used[3] = counters
            numbers_of(philox(used, (seed, node))[:2], normal, piece)

    share_out(fill, size, width)
    return drawn


def numbers_of(words: tuple[Array, ...], normal: bool, out: Array) -> None:
    """The numbers that two words each make."""
    u0, u1 = (np.right_shift(word, 8, out=word) for word in words)
    np.multiply(u0, 2.0**-24, out=out)
    if normal:
        radius, angle = np.sqrt(-2.0 * np.log(out + 2.0**-25)), 2.0 * np.pi * (u1 * 2.0**-24)
        np.multiply(radius, np.cos(angle), out=out)


def share_out(fill: Callable[[int, int], None], size: int, width: int) -> None:
    """Let `fill` do 0 to `size` in pieces, on all cores where there are many."""
    pieces = -(-size // width)
    cores = min(len(os.sched_getaffinity(0)), pieces // MACHINE.random_pieces_a_thread)
    if cores <= 1:
        fill(0, size)
        return
    each = -(-pieces // cores) * width
    threads = [started(fill, first, min(first + each, size)) for first in range(each, size, each)]
    fill(0, each)
    for thread in filter(None, threads):
        thread.join()


def started(fill: Callable[[int, int], None], first: int, end: int) -> Thread | None:
    """A thread that fills a part; None where there is none to be had, and it has been filled."""
    thread = Thread(target=fill, args=(first, end))
    try:
        thread.start()
    except RuntimeError:
        fill(first, end)
        return None
    return thread


@dataclass(frozen=True)
class DrawnPart:
    """Where draws stand among those of a larger shape."""

    whole: tuple[int, ...]
    start: tuple[int, ...]


@register
@dataclass(frozen=True)
class Random(Op):
    """Independent draws of a shape: uniform on [0, 1) or standard normal; with `time`, for every
    element of a sequence.

    Operands: the counters `seed` and `step`.  `shared` draws are the same for every example.
    A `part` is those of a larger shape that begin at a place in it.
    """

    node: int
    shape: tuple[int, ...]
    normal: bool = False
    shared: bool = False
    time: Time | None = None
    part: DrawnPart | None = None
    name: ClassVar[str] = "random"

    @property
    def whole(self) -> tuple[int, ...]:
        """The shape in which an element's number, which is counted, is its place."""
        return self.shape if self.part is None else self.part.whole

    def rows(self, axis: int, first: int, count: int) -> Random:
        """Some of the draws: `count` from `first` on, along an axis."""
        assert self.part is None, "a part is cut once"
        start = tuple(first if j == axis else 0 for j in range(len(self.shape)))
        shape = (*self.shape[:axis], count, *self.shape[axis + 1 :])
        return replace(self, shape=shape, part=DrawnPart(self.shape, start))

    @property
    def makes_varying(self) -> bool:
        """A draw is made for each example, unless shared."""
        return not self.shared

    def infer(self, seed: TensorType, step: TensorType) -> TensorType:
        return real(self.shape).over(self.time)

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        return [None, None]

    def jvp(self, dxs: Sequence[Value | None], y: Value, *xs: Value) -> list[Value | None]:
        return []

    def sample(self, seed: int, step: int, examples: Array, times: Array = ZERO) -> Array:
        """Draws for the given example numbers and places in time, [n, *shape]."""
        flat = draw(self.normal, seed, step, self.node, examples, prod(self.whole), times)
        drawn, start = flat.reshape(len(examples), *self.whole), self.part and self.part.start
        if not start:
            return drawn
        cut = (slice(first, first + n) for first, n in zip(start, self.shape, strict=True))
        return drawn[(slice(None), *cut)]
