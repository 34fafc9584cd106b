"""The loops along which a product may be cut into shares that write different words.

Shares are done by several threads without locks, so no two may write the same word.  The address of
a result is the sum of stride * iteration over all loops.  Two iterations of one loop never write
the same word if that loop's iteration can be read off every address, like a digit of a number:

* all loops of smaller strides together move the address by less than d, where d divides this loop's
  stride and all larger ones (the lower digits do not carry into it);
* this loop moves it by less than the greatest common divisor of the larger strides (it does not
  carry into the higher digits).

The compiler says the same of the loops of generated kernels (`Instruction.cuts`).

A cut must change no bit.  So examples that are the rows or columns of `contract_dots` are not cut:
their number decides whether that kernel transposes a matrix, and how many of its columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Instruction
from gradc_compiler.program.kernel_abi import (
    A_LOOP,
    A_ROW,
    B_COLUMN,
    B_LOOP,
    COLUMNS,
    K1,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    ROWS,
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
    Extent,
)
from gradc_compiler.records.fast_dataclass import dataclass

GRAINS = {  # whole tiles, or whole vectors where threads are many
    COLUMNS: (MACHINE.panel, MACHINE.vector),
    ROWS: (MACHINE.tall_tile, MACHINE.low_tile, 1),
}


@dataclass(frozen=True, slots=True)
class SplitDim:
    """A loop that may be cut, and the words by which it moves each operand.

    `place` is the index of its extent among the kernel's arguments; None: it is the loop over the
    examples, whose range is not an argument.  `unit` is the grain of a loop of a generated kernel,
    0 for products; `by_row` says that the loop is over the rows as well, `extent` times for each.
    """

    place: int | None
    extent: int
    moves: tuple[int, ...] = (0, 0, 0)
    unit: int = 0
    by_row: bool = False

    def iterations(self, rows: int) -> int:
        """Iterations on so many rows."""
        return self.extent * rows if self.by_row else self.extent

    def grain(self, members: int) -> int:
        """The largest grain at which so many shares are about equal."""
        if self.unit:
            return self.unit
        grains = GRAINS.get(self.place or 0, (1,))
        fine = (grain for grain in grains if self.extent >= 2 * members * grain)
        return next(fine, grains[-1])

    def busiest(self, members: int, rows: int = 1) -> float:
        """The part of the work on so many rows that the busiest of so many threads does."""
        grain, extent = self.grain(members), self.iterations(rows)
        units = -(-extent // grain)
        return min(1.0, -(-units // members) * grain / extent)


def split_dims_of(name: str, geometry: Sequence[int], examples: int) -> list[SplitDim]:
    """The loops along which a product with these arguments may be cut."""
    found = _loops_of(name, geometry, examples)
    turned = {(ROWS, None), (COLUMNS, None)} if name == "contract_dots" else set()
    cuts = [cut for _, cut in found]
    return [
        cut
        for k, (index, cut) in enumerate(found)
        if (index, cut.place) not in turned and _apart(cut, [*cuts[:k], *cuts[k + 1 :]])
    ]


def inner_dims(item: Instruction) -> Iterator[SplitDim]:
    """The loops within a row along which a generated kernel may be cut.

    An innermost loop is cut between whole vectors.  A loop over a few words is cut between as many
    iterations as make a whole vector.
    """
    for cut in item.cuts:
        unit = 1 if cut.inner >= MACHINE.long_row else -(-MACHINE.wide // cut.inner)
        yield SplitDim(cut.place, cut.extent, cut.moves, unit, cut.by_row)


def apart_in_all(name: str, geometry: Sequence[int], examples: int) -> bool:
    """Whether no two iterations of any loops write the same word, but for sums."""
    cuts = [cut for _, cut in _loops_of(name, geometry, examples)]
    return all(_apart(cut, [*cuts[:k], *cuts[k + 1 :]]) for k, cut in enumerate(cuts))


def swapped_loop(geometry: Sequence[int], examples: int) -> int | None:
    """Where the loop stands that a product on few examples exchanges with the loop over them, as
    `runtime/cpu/gemm/small_batch.py` chooses it; None if there is none.
    """
    if examples >= MACHINE.small_batch:
        return None
    longest, chosen = examples, None
    for at in range(LOOPS, LOOPS + LOOP * geometry[LOOP_COUNT], LOOP):
        past = geometry[at + B_LOOP] == 0 and geometry[at + Y_LOOP] >= geometry[COLUMNS]
        rows = geometry[ROWS] == Extent.RANGE and past
        terms = geometry[K1] == Extent.RANGE and geometry[at + Y_LOOP] == 0
        if (rows or terms) and geometry[at] > longest:
            longest, chosen = geometry[at], at
    return chosen


def _loops_of(name: str, geometry: Sequence[int], examples: int) -> list[tuple[int, SplitDim]]:
    """All loops that move the result, and where each one's extent stands."""
    dots, after = name == "contract_dots", LOOPS + LOOP * geometry[LOOP_COUNT]
    b, y = (geometry[after + B_COLUMN], geometry[after + Y_COLUMN]) if dots else (1, 1)
    a = 1 if name == "contract_lanes" else 0
    found = [
        (COLUMNS, (a, b, y)),
        (ROWS, (geometry[A_ROW], 0, geometry[Y_ROW])),
        *((at, _moves(geometry, at)) for at in range(LOOPS, after, LOOP)),
    ]
    return [
        (at, SplitDim(None, examples, moves) if extent < 0 else SplitDim(at, extent, moves))
        for at, moves in found
        for extent in [geometry[at]]
        if moves[2] != 0
    ]


def _moves(geometry: Sequence[int], at: int) -> tuple[int, int, int]:
    a, b, y = geometry[at + A_LOOP : at + Y_LOOP + 1]
    return a, b, y


def _apart(cut: SplitDim, others: Sequence[SplitDim]) -> bool:
    """Whether no two iterations of a loop write the same word."""
    own = abs(cut.moves[2])
    smaller = sum((c.extent - 1) * abs(c.moves[2]) for c in others if abs(c.moves[2]) < own)
    larger = gcd(*(c.moves[2] for c in others if abs(c.moves[2]) >= own))
    return smaller < gcd(own, larger) and (larger == 0 or (cut.extent - 1) * own < larger)
