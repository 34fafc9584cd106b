"""The records that the table of an entry is made of, at one batch size.

What each word of a record is, is said in `runtime/cpu/layout.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.entry import (
    MOST_OPERANDS,
    MOST_TIMES,
    Entry,
    Instruction,
    Loop,
    Operand,
    Result,
    Space,
    Sum,
)
from compiler.geometry import DIVIDED, EVERY
from runtime.cpu import layout
from runtime.cpu.chunks import chunks_of
from runtime.cpu.parts import Part
from runtime.cpu.pieces import Place, place
from runtime.cpu.shares import Share
from runtime.cpu.spaces import partial_bytes


def record(words: int, fields: Mapping[int, int]) -> list[int]:
    """A record of so many words, from what stands where; 0 elsewhere."""
    return [fields.get(k, 0) for k in range(words)]


def kind_of_rows(time: int | None) -> int:
    """The number of what an outermost loop goes over: examples, or the elements of a time."""
    return 0 if time is None else time + 1


@dataclass(frozen=True, slots=True)
class Records:
    """Writes the records of one entry at one batch size."""

    entry: Entry
    kernels: Sequence[int]  # the address of each kernel
    examples: int
    word: int
    block: int  # examples in one
    room: Sequence[int]  # rows of each time that a block may have
    passed: Mapping[Place, int]  # the words of a row, where only a piece is there (`pieces.py`)

    def operands(self, instruction: Instruction) -> Iterator[int]:
        """The records of an instruction's operands."""
        for operand in instruction.operands:
            words = self.passed.get(place(operand), 0)
            if words:
                yield from self.piece(operand, 1 if instruction.follows else words)
            else:
                yield from self.operand(operand)

    def piece(self, operand: Operand, words: int) -> list[int]:
        """The record of an operand that has a piece of its rows, of so many words, in front."""
        return record(
            layout.OPERAND,
            {
                layout.OPERAND_SPACE: operand.space,
                layout.OPERAND_START: (operand.offset + operand.inner) * self.word,
                layout.OPERAND_STRIDE: words * self.word,
                layout.OPERAND_ROWS: layout.PIECE,
                layout.OPERAND_STEP: words * self.word,
            },
        )

    def operand(self, operand: Operand) -> list[int]:
        """The record of any other operand."""
        start, step = operand.offset, operand.step
        if step is not None:
            start = step.offset * self.rows(None)
        elif operand.space == Space.BLOCK:
            start = self.block_start(operand.time) + operand.offset * self.rows(operand.time)
        start += operand.inner
        return record(
            layout.OPERAND,
            {
                layout.OPERAND_SPACE: operand.space,
                layout.OPERAND_START: start * self.word,
                layout.OPERAND_STRIDE: operand.stride * self.word,
                layout.OPERAND_ROWS: kind_of_rows(operand.time),
                layout.OPERAND_STEP: 0 if step is None else step.words * self.word,
            },
        )

    def rows(self, time: int | None) -> int:
        """The rows of a time that BLOCK has room for."""
        return self.block if time is None else self.room[time]

    def block_start(self, time: int | None) -> int:
        """Where the values of a time begin in BLOCK: after the examples' and other times'."""
        if time is None:
            return 0
        before = zip(self.entry.kept_words[:time], self.room[:time], strict=True)
        return self.entry.block * self.entry.block_words + sum(w * rows for w, rows in before)

    def geometry(self, number: int) -> int:
        """A number of a geometry, where it depends on the batch."""
        if number == EVERY:
            return self.examples
        return 2 * self.examples + number - DIVIDED if DIVIDED <= number <= DIVIDED + 1 else number

    def instruction(
        self,
        instruction: Instruction,
        operands: int,
        geometry: int,
        share: Share,
    ) -> list[int]:
        """An instruction's record; `operands` and `geometry` say where those are."""
        count = len(instruction.operands)
        assert count <= MOST_OPERANDS, f"{instruction.note}: {count} operands are too many"
        return record(
            layout.INSTRUCTION,
            {
                layout.KERNEL: self.kernels[instruction.kernel],
                layout.OPERANDS_START: operands,
                layout.OPERANDS: count,
                layout.GEOMETRY_AT: geometry,
                layout.EXTENT: instruction.extent,
                layout.GRAIN: share.grain,
                layout.WAITS: int(share.wait),
                layout.ROWS: kind_of_rows(instruction.time),
                layout.FOLLOWERS: share.followers,
            },
        )

    def part(self, part: Part, operands: int, geometry: int) -> list[int]:
        """The record of a part of an instruction."""
        share = Share(0, 0, part.wait)
        words = self.instruction(part.instruction, operands, geometry, share)
        words[layout.PART_NUMBER], words[layout.PART_OF] = part.number, part.of
        words[layout.PART_BEGIN], words[layout.PART_END] = part.begin, part.end
        return words

    def loop(self, loop: Loop) -> list[int]:
        """The head of a loop, which stands before its instructions."""
        return record(
            layout.INSTRUCTION,
            {
                layout.LOOP_LENGTH: loop.count,
                layout.LOOP_TIME: loop.time,
                layout.LOOP_BACKWARDS: int(loop.backwards),
            },
        )

    def result(self, number: int, result: Result) -> list[int]:
        """A result's record."""
        return record(
            layout.RESULT,
            {
                layout.RESULT_UNIFORM: result.offset * self.word,
                layout.RESULT_BYTES: result.words * self.word,
                layout.RESULT_SPACE: Space.ARRAY + len(self.entry.arrays) + number,
            },
        )

    def sum(self, sum: Sum) -> list[int]:
        """A sum's record."""
        return record(
            layout.SUM,
            {
                layout.SUM_PARTIAL: sum.partial * self.word,
                layout.SUM_UNIFORM: sum.uniform * self.word,
                layout.SUM_WORDS: sum.words,
            },
        )

    def strides(self) -> list[int]:
        """Bytes by which each space's base moves from one step to the next."""
        arrays = [
            0
            if array.role == "carried" or array.type.time is not None
            else array.type.size * self.examples * self.word
            for array in self.entry.arrays
        ]
        results = [result.words * self.word for result in self.entry.results]
        clock = layout.CLOCK * len(self.entry.times) * -(-self.examples // self.block) * 8
        return [0] * Space.ARRAY + arrays + results + [clock]

    def header(self, strides: int, results: int) -> list[int]:
        """The first words of a table; where its strides and its results begin."""
        entry, examples = self.entry, self.examples
        blocks = -(-examples // self.block)
        spaces = len(self.strides())
        assert len(entry.times) <= MOST_TIMES, (
            f"{entry.name}: {len(entry.times)} times are too many"
        )
        return record(
            layout.HEADER,
            {
                layout.EXAMPLES: examples,
                layout.BLOCK: self.block,
                layout.BLOCKS: blocks,
                layout.CHUNKS: chunks_of(entry, examples, self.block),
                layout.PHASES: len(entry.phases),
                layout.PARTIAL_BYTES: partial_bytes(entry, self.word),
                layout.SPACES: spaces,
                layout.STRIDES_START: strides,
                layout.RESULTS: len(entry.results),
                layout.RESULTS_START: results,
                layout.TIMES: len(entry.times),
                layout.CLOCK_SPACE: spaces - 1,
            },
        )
