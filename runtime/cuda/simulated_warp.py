"""Tensor cores without a GPU: what `mma.sync` gives the 32 threads of a warp, from what each holds.

A thread brings the words that it has read as its fragments of a and b, and its results so far.  The
matrices are put together of these as PTX lays them out (`compiler/printing/tensor_fragments.py`),
so a kernel that reads a wrong word for a thread gives wrong results here as well.  Of a word only
the bits of a TF32 or bfloat16 number count, as on the device; sums are of float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass

Numbers = NDArray[Any]
LANES = 32
LANE = np.arange(LANES)
G, L = LANE // 4, LANE % 4


@dataclass(frozen=True, slots=True)
class TensorInstruction:
    """An instruction: terms, neighbours of them in a register, and which bits of a word count."""

    terms: int
    beside: int
    bits: int

    def cut(self, words: Numbers) -> Numbers:
        """Words as they are multiplied."""
        found: Numbers = (words.view(np.uint32) & np.uint32(self.bits)).view(np.float32)
        return found

    def term_of(self, half: Numbers) -> Numbers:
        """[lane, register, neighbour]: the terms that a thread's registers hold."""
        first = 4 * self.beside * half[None, :] + self.beside * L[:, None]
        found: Numbers = first[..., None] + np.arange(self.beside)
        return found


TF32, BF16 = TensorInstruction(8, 1, 0xFFFFE000), TensorInstruction(16, 2, 0xFFFF0000)


@dataclass(frozen=True, slots=True, eq=False)
class WarpProducts:
    """What one thread brings: its results, and words of a and b by [instruction, fragment,
    register, neighbour].
    """

    kind: TensorInstruction
    sums: Numbers
    a: Numbers
    b: Numbers
    answers: list[Numbers] = field(default_factory=list)

    def of_warp(self, given: Sequence[WarpProducts]) -> list[Numbers]:
        """The results of all threads of its warp, which is given; they are worked out once."""
        if not self.answers:
            self.answers.extend(multiplied(given))
        return self.answers


def tensor_products(kind: TensorInstruction) -> Callable[..., WarpProducts]:
    """`tf32_products` or `bf16_products` of one thread."""

    def products(
        acc: Numbers, sa: Numbers, ia: int, sb: Numbers, ib: int, steps: int, rows: int,
        columns: int, term_a: int, row_a: int, gap_a: int, term_b: int, row_b: int, gap_b: int,
    ) -> WarpProducts:  # fmt: skip
        first = np.arange(0, steps, kind.terms)[:, None, None, None]
        beside = np.arange(kind.beside)
        high, half = np.arange(4) % 2, np.arange(4) // 2

        def places(fragments: int, gap: int, row: Numbers | int, k: Numbers, term: int) -> Numbers:
            own = np.arange(fragments)[None, :, None, None] * gap
            terms = first + 4 * kind.beside * k[:, None] + beside
            found: Numbers = own + np.asarray(row)[..., None] + terms * term
            return found

        a = sa[ia + places(rows, gap_a, 8 * row_a * high, half, term_a)]
        b = sb[ib + places(columns, gap_b, 0, np.arange(2), term_b)]
        return WarpProducts(kind, acc, a, b)

    return products


def multiplied(given: Sequence[WarpProducts]) -> list[Numbers]:
    """The results of each of 32 threads, in their order."""
    kind = given[0].kind
    a, b = (np.moveaxis(kind.cut(np.stack(x)), 0, 2)
            for x in ([w.a for w in given], [w.b for w in given]))  # fmt: skip
    high, half = np.arange(4) % 2, np.arange(4) // 2
    steps, rows, columns = len(a), a.shape[1], b.shape[1]
    left = np.empty((steps, rows, 16, kind.terms), np.float32)
    row = (G[:, None] + 8 * high)[..., None]
    left[..., row, kind.term_of(half)] = a
    right = np.empty((steps, columns, kind.terms, 8), np.float32)
    right[..., kind.term_of(np.arange(2)), G[:, None, None]] = b
    at = (G[:, None] + 8 * half, 2 * L[:, None] + high)  # [lane, result]
    sums = np.empty((rows, columns, 16, 8), np.float32)
    own = np.stack([w.sums for w in given]).reshape(LANES, rows, columns, 4)
    sums[:, :, *at] = np.moveaxis(own, 0, 2)
    for x, y in zip(left, right, strict=True):
        sums += x[:, None] @ y[None]
    found = np.moveaxis(sums[:, :, *at], 2, 0).reshape(LANES, -1)
    return list(found)


def keep_fragments(
    acc: Numbers, number: int, buffer: Numbers, place: int, wide: int, row: int
) -> None:
    """A thread's results of a fragment of rows into a buffer."""
    own = acc.reshape(-1, wide, 2, 2)[number]  # by fragment of columns, row, column
    j, high, k = np.ogrid[:wide, :2, :2]
    buffer[place + 8 * j + 8 * row * high + k] = own


def functions() -> dict[str, Callable[..., Any]]:
    """Everything here that text in tiles may call."""
    return {
        "tf32_products": tensor_products(TF32),
        "bf16_products": tensor_products(BF16),
        "keep_fragments": keep_fragments,
    }
