"""A batch of one block has no blocks to share out: its large products are cut into parts instead.

A product is cut along a loop that moves its result: units of a dense layer, rows of an image.  The
parts follow from the entry and the batch size alone, so threads change no bit; part k of n goes to
thread k * threads // n.  What is not cut is thread 0's, and all threads wait where one kind follows
the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from compiler.entry import Entry, Instruction, Phase, block_of
from compiler.geometry import (
    A_LOOP,
    A_ROW,
    B_COLUMN,
    COLUMNS,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    MODE,
    ROWS,
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
)

PARTS = 4  # of one product
GRAIN = 32  # rows or columns of which a part has a multiple: whole tiles
WORTH_CUTTING = 1 << 17  # operations; some three microseconds where weights come from far away
PRODUCTS = ("contract_rows", "contract_dots")


@dataclass(frozen=True, slots=True)
class Part:
    """What one thread does of an instruction."""

    instruction: Instruction
    number: int
    of: int
    wait: bool  # for all threads, before it


@dataclass(frozen=True, slots=True)
class Cut:
    """A loop that may be cut: where its extent stands, and the words it moves a, b and y."""

    place: int
    extent: int
    moves: tuple[int, int, int]
    grain: int = 1


def parts_of(entry: Entry, phase: Phase, examples: int) -> list[Part]:
    """A phase in parts; nothing where that brings nothing, or blocks are shared out."""
    if not phase.examples or entry.times or examples > block_of(entry, examples):
        return []
    cut = [in_parts(entry, item, examples) for item in phase.instructions]
    if all(len(group) == 1 for group in cut):
        return []
    waits = [False] + [len(a) > 1 or len(b) > 1 for a, b in pairwise(cut)]
    return [
        Part(instruction, number, len(group), wait and number == 0)
        for group, wait in zip(cut, waits, strict=True)
        for number, instruction in enumerate(group)
    ]


def in_parts(entry: Entry, instruction: Instruction, examples: int) -> Sequence[Instruction]:
    """An instruction as several that together do the same, or as it is."""
    kernel = entry.kernels[instruction.kernel]
    known = kernel.source is None and kernel.name in PRODUCTS
    work = instruction.work.operations_each * examples
    if not known or instruction.geometry[MODE] != 0 or work < WORTH_CUTTING:
        return [instruction]
    found = [c for c in loops_of(kernel.name, instruction.geometry) if c.extent >= PARTS * c.grain]
    if not found:
        return [instruction]
    chosen = max(found, key=lambda c: c.extent // c.grain)
    units = chosen.extent // chosen.grain
    starts = [chosen.grain * (units * k // PARTS) for k in range(PARTS)] + [chosen.extent]
    return [part(instruction, chosen, *ends) for ends in pairwise(starts)]


def loops_of(name: str, geometry: Sequence[int]) -> list[Cut]:
    """The loops of a product that move its result, of known extents."""
    after, b_column, y_column = LOOPS + LOOP * geometry[LOOP_COUNT], 1, 1
    if name == "contract_dots":
        b_column, y_column = geometry[after + B_COLUMN], geometry[after + Y_COLUMN]
    found = [
        Cut(COLUMNS, geometry[COLUMNS], (0, b_column, y_column), GRAIN),
        Cut(ROWS, geometry[ROWS], (geometry[A_ROW], 0, geometry[Y_ROW]), GRAIN),
    ]
    for at in range(LOOPS, after, LOOP):
        a, b, y = geometry[at + A_LOOP : at + Y_LOOP + 1]
        found.append(Cut(at, geometry[at], (a, b, y)))
    return [cut for cut in found if cut.moves[2] != 0]


def part(instruction: Instruction, cut: Cut, begin: int, end: int) -> Instruction:
    """The iterations [begin, end) of a loop."""
    geometry = list(instruction.geometry)
    geometry[cut.place] = end - begin
    moved = zip(instruction.operands, cut.moves, strict=True)
    operands = tuple(replace(o, inner=o.inner + begin * words) for o, words in moved)
    return replace(instruction, operands=operands, geometry=tuple(geometry))
