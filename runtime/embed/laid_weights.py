"""Weights laid out ahead for the products of a built model.

Where many rows read a strip of columns of b, a product copies it first, so that its vectors follow
one another (`runtime/cpu/gemm`).  If b depends on weights alone, such a copy may be made once: when
the library is built, or when it loads weights.  The product then goes strip by strip in a loop of
its own, and finds each as it would have copied it.  Each number of y takes the same terms in the
same order, so no bit changes.

Values that were made of the weights are laid out where they lie; parameters, which stay as the
author has them, get room of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Kernel, Operand, Phase, Space
from gradc_compiler.program.kernel_abi import (
    B_K1,
    B_K2,
    B_LOOP,
    COLUMNS,
    K1,
    K2,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    MODE,
    MOST_LOOPS,
    ROWS,
)
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.gemm.weight_strips import STRIP

B = 1  # the operand
PRODUCT, COPY = Kernel("contract_rows"), Kernel("weight_strips")
READERS = MACHINE.packed_rows  # rows for which a strip is copied
TALL = MACHINE.packed_least[0]  # rows for which a product has blocks of both operands instead
APART = 2 * STRIP  # columns from which vectors of a strip lie far apart


@dataclass(frozen=True, slots=True)
class Strips:
    """A matrix, or one for each position, as products read it: extents, and strides in words."""

    source: Operand
    positions: tuple[int, int]
    k1: tuple[int, int]
    k2: tuple[int, int]
    columns: int

    @property
    def words(self) -> int:
        """The numbers of all strips."""
        return self.positions[0] * self.k1[0] * self.k2[0] * self.columns

    @property
    def is_dense(self) -> bool:
        """Whether each word of a stretch of memory is read once."""
        expected = self.columns
        for extent, stride in sorted((self.k1, self.k2, self.positions), key=lambda two: two[1]):
            if extent > 1 and stride != expected:
                return False
            expected *= extent
        return True

    def copied_to(self, kernel: int, target: Operand) -> Instruction:
        """The instruction that lays them out."""
        geometry = (*self.positions, *self.k1, *self.k2, self.columns)
        return copy(kernel, self.source, target, geometry)


def copy(
    kernel: int, source: Operand, target: Operand, geometry: tuple[int, ...]
) -> Instruction:  # fmt: skip
    """An instruction that copies once."""
    return Instruction(kernel=kernel, operands=(source, target), geometry=geometry, writes=(1,))


def moving(geometry: Sequence[int]) -> list[int]:
    """Where the outer loops that move b stand."""
    places = range(LOOPS, LOOPS + LOOP * geometry[LOOP_COUNT], LOOP)
    return [at for at in places if geometry[at + B_LOOP]]


def strips_of(entry: Entry, item: Instruction, block: int) -> Strips | None:
    """What a product of the last stage reads as b, where it is worth to be laid out ahead."""
    if entry.kernels[item.kernel] != PRODUCT or not is_plain(item.operands[B]):
        return None
    geometry = item.geometry
    loops = moving(geometry)
    fixed = [geometry[at] for at in (COLUMNS, K1, K2, *loops)]
    if geometry[MODE] or len(loops) > 1 or min(fixed) < 0 or geometry[LOOP_COUNT] >= MOST_LOOPS:
        return None
    columns, tall = geometry[COLUMNS], geometry[ROWS] if geometry[ROWS] >= 0 else block
    if columns % STRIP or columns < APART or tall >= TALL or readers(geometry) < READERS:
        return None
    position = next(((geometry[at], geometry[at + B_LOOP]) for at in loops), (1, 0))
    k1, k2 = ((geometry[k], geometry[b]) for k, b in ((K1, B_K1), (K2, B_K2)))
    return Strips(item.operands[B], position, k1, k2, columns)


def is_plain(operand: Operand) -> bool:
    """Whether an operand is the same for all examples, and depends on weights alone."""
    return operand.space in (Space.PERSISTENT, Space.UNIFORM) and not operand.stride


def readers(geometry: Sequence[int]) -> int:
    """How many rows of an example read each strip."""
    loops = range(LOOPS, LOOPS + LOOP * geometry[LOOP_COUNT], LOOP)
    others = (geometry[at] for at in loops if not geometry[at + B_LOOP])
    return prod(max(extent, 1) for extent in (geometry[ROWS], *others))


def by_strips(
    item: Instruction, strips: Strips | None, places: Mapping[Strips, Operand]
) -> Instruction:
    """An instruction; a product that reads strips, in a loop of its own."""
    if strips is None:
        return item
    old, (k1, _), (k2, _) = item.geometry, strips.k1, strips.k2
    last = max(moving(old), default=LOOPS - LOOP) + LOOP  # within the loops that move b
    turn = (strips.columns // STRIP, 0, k1 * k2 * STRIP, STRIP)
    new = [*old[:last], *turn, *old[last:]]
    new[COLUMNS], new[LOOP_COUNT] = STRIP, old[LOOP_COUNT] + 1
    new[B_K1], new[B_K2] = k2 * STRIP, STRIP
    for at in moving(old):
        new[at + B_LOOP] = k1 * k2 * strips.columns
    operands = list(item.operands)
    operands[B] = places[strips]
    return replace(item, operands=tuple(operands), geometry=tuple(new), cuts=())


Reads = Mapping[Instruction, Strips | None]  # of each instruction of the last stage


@dataclass(frozen=True, slots=True)
class LaidOut:
    """An entry whose products read strips; the words of UNIFORM after `kept` are needed only while
    strips are made.
    """

    entry: Entry
    kept: int


def laid_out(entry: Entry, block: int) -> LaidOut:
    """An entry with what its last stage's products read of weights laid out in the stage before.

    `block` is the number of examples in its largest block.
    """
    *before, last = entry.phases
    reads = {item: strips_of(entry, item, block) for item in last.instructions}
    places, end = places_of(entry, reads)
    if not places:
        return LaidOut(entry, end)
    spare, copies = Operand(Space.UNIFORM, whole_lines(end)), len(entry.kernels)
    made = [item for one in places.items() for item in copied(copies, *one, spare)]
    moved = [one.words for one, place in places.items() if one.source == place]
    phases = (
        *before,
        Phase(examples=False, instructions=tuple(made)),
        replace(
            last, instructions=tuple(by_strips(i, reads[i], places) for i in last.instructions)
        ),
    )
    most = spare.offset + max(moved) if moved else end
    kernels = (*entry.kernels, COPY)
    return LaidOut(replace(entry, phases=phases, kernels=kernels, uniform_words=most), end)


def places_of(entry: Entry, reads: Reads) -> tuple[dict[Strips, Operand], int]:
    """Where strips lie, and how many words of UNIFORM are in use with them."""
    places, end = {}, entry.uniform_words
    for strips in dict.fromkeys(filter(None, reads.values())):
        places[strips] = strips.source
        if not may_stay(entry, strips, reads):
            places[strips] = Operand(Space.UNIFORM, whole_lines(end))
            end = whole_lines(end) + strips.words
    return places, end


def whole_lines(words: int) -> int:
    """The first word of a cache line after so many words."""
    return -(-words // MACHINE.line) * MACHINE.line


def may_stay(entry: Entry, strips: Strips, reads: Reads) -> bool:
    """Whether strips may take the place of what they are made of: of a value that is computed
    whenever they are, and that nothing reads but products by these strips.
    """
    start, source = strips.source.offset, strips.source
    inside = range(start, start + strips.words)
    if source.space != Space.UNIFORM or source.inner or not strips.is_dense:
        return False
    if any(constant.offset in inside for constant in entry.constants):
        return False
    others = (
        (item, k)
        for item in reads
        for k, operand in enumerate(item.operands)
        if operand.space == Space.UNIFORM and operand.offset in inside
    )
    return all(k == B and reads[item] == strips for item, k in others)


def copied(kernel: int, strips: Strips, place: Operand, spare: Operand) -> list[Instruction]:
    """The instructions that lay strips out at a place."""
    if place != strips.source:
        return [strips.copied_to(kernel, place)]
    back = copy(kernel, spare, place, (1, 0, 1, 0, 1, 0, strips.words))
    return [strips.copied_to(kernel, spare), back]
