"""The loops along which a product may be cut into sub-tasks that write different words.

Sub-tasks run on several threads without locks, so no two may write the same word.  The address of a
result is the sum of stride * iteration over all loops.  Two iterations of one loop never write the
same word if that loop's iteration can be read off every address, like a digit of a number:

* all loops of smaller strides together move the address by less than d, where d divides this loop's
  stride and all larger ones (the lower digits do not carry into it);
* this loop moves it by less than the greatest common divisor of the larger strides (it does not
  carry into the higher digits).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.kernel_abi import (
    A_LOOP,
    A_ROW,
    B_COLUMN,
    COLUMNS,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    ROWS,
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
)

PARTS = MACHINE.most_parts  # of one instruction, at most
GRAIN, HEIGHT = MACHINE.panel, MACHINE.tall_tile  # columns, rows: whole tiles


@dataclass(frozen=True, slots=True)
class SplitDim:
    """A loop that may be cut, and the words by which it moves a, b and y.

    `place` is the index of its extent among the kernel's arguments; None: it is the loop over the
    examples, whose range is not an argument.
    """

    place: int | None
    extent: int
    moves: tuple[int, int, int] = (0, 0, 0)
    grain: int = 1

    @property
    def parts(self) -> list[tuple[int, int]]:
        """The iterations of each part."""
        units = self.extent // self.grain
        count = max(1, min(PARTS, units))
        starts = [self.grain * (units * k // count) for k in range(count)]
        return list(pairwise([*starts, self.extent]))

    @property
    def busier(self) -> float:
        """The part of the work that the busier of two threads does, from 0.5 to 1."""
        parts = self.parts
        half = parts[(len(parts) + 1) // 2 - 1][1]
        return max(half, self.extent - half) / self.extent


def split_dims_of(name: str, geometry: Sequence[int], examples: int) -> list[SplitDim]:
    """The loops along which a product with these arguments may be cut."""
    dots, after = name == "contract_dots", LOOPS + LOOP * geometry[LOOP_COUNT]
    b, y = (geometry[after + B_COLUMN], geometry[after + Y_COLUMN]) if dots else (1, 1)
    found = [
        (COLUMNS, geometry[COLUMNS], (0, b, y), GRAIN),
        (ROWS, geometry[ROWS], (geometry[A_ROW], 0, geometry[Y_ROW]), GRAIN if dots else HEIGHT),
    ]
    for at in range(LOOPS, after, LOOP):
        a, b, y = geometry[at + A_LOOP : at + Y_LOOP + 1]
        found.append((at, geometry[at], (a, b, y), 1))
    cuts = [
        SplitDim(None, examples, moves) if extent < 0 else SplitDim(place, extent, moves, grain)
        for place, extent, moves, grain in found
        if moves[2] != 0
    ]
    return [cut for k, cut in enumerate(cuts) if _apart(cut, [*cuts[:k], *cuts[k + 1 :]])]


def _apart(cut: SplitDim, others: Sequence[SplitDim]) -> bool:
    """Whether no two iterations of a loop write the same word."""
    own = abs(cut.moves[2])
    smaller = sum((c.extent - 1) * abs(c.moves[2]) for c in others if abs(c.moves[2]) < own)
    larger = gcd(*(c.moves[2] for c in others if abs(c.moves[2]) >= own))
    return smaller < gcd(own, larger) and (larger == 0 or (cut.extent - 1) * own < larger)
