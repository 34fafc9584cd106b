"""The records of an entry's bytecode at one batch size.

`runtime/cpu/interpreter/bytecode.py` says what each word of a record means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from gradc_compiler.program.arrays import Result
from gradc_compiler.program.entry import (
    MOST_OPERANDS,
    MOST_TIMES,
    Entry,
    Instruction,
    Operand,
    PartialReduction,
    RecurrenceLoop,
    Space,
)
from gradc_compiler.program.kernel_abi import ROWS, Extent, number_for
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.partition.divide import Teams
from gradc_runtime.cpu.partition.intra_op import rows_are_settled
from gradc_runtime.cpu.partition.segments import BatchCut, Segment
from gradc_runtime.cpu.partition.space_sizes import block_bytes, partial_bytes
from gradc_runtime.cpu.partition.split_dims import SplitDim
from gradc_runtime.cpu.partition.streamed import Place, place
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask


def record(words: int, fields: Mapping[int, int]) -> list[int]:
    """A record of so many words: `fields` by their index, 0 elsewhere."""
    return [fields.get(k, 0) for k in range(words)]


def kind_of_rows(time: int | None) -> int:
    """What an outermost loop goes over, as a number: 0 is examples, k + 1 is time k."""
    return 0 if time is None else time + 1


@dataclass(frozen=True)
class Records:
    """Writes the records of one segment of an entry at one batch size."""

    entry: Entry
    kernels: Sequence[int]  # the address of each kernel
    examples: int
    word: int
    batch: BatchCut
    own: Segment  # whose stages it writes
    room: Sequence[int]  # rows of each time that a block may have
    passed: Mapping[Place, int]  # of each streamed buffer, the words of a row (`streamed.py`)
    threads: int

    @property
    def block(self) -> int:
        """Examples in a block."""
        return self.own.block

    @cached_property
    def teams(self) -> Teams:
        """Who takes the chunks of a batch stage."""
        return self.own.teams(self.threads)

    def operands(self, task: ThreadTask) -> Iterator[int]:
        """The records of an instruction's operands."""
        instruction = task.instruction
        moved = dict(enumerate(task.cut.moves)) if task.cut is not None else {}
        for k, operand in enumerate(instruction.operands):
            words = self.passed.get(place(operand), 0)
            if words:
                yield from self.piece(operand, 1 if instruction.follows else words)
            else:
                yield from self.operand(operand, moved.get(k, 0))

    def piece(self, operand: Operand, words: int) -> list[int]:
        """The record of a streamed operand: memory has a piece of its rows at a time, each of so
        many words.
        """
        return record(
            bytecode.OPERAND,
            {
                bytecode.OPERAND_SPACE: operand.space,
                bytecode.OPERAND_START: (operand.offset + operand.inner) * self.word,
                bytecode.OPERAND_STRIDE: words * self.word,
                bytecode.OPERAND_ROWS: bytecode.PIECE,
                bytecode.OPERAND_STEP: words * self.word,
            },
        )

    def operand(self, operand: Operand, move: int) -> list[int]:
        """The record of an operand that is not streamed; the loop that is cut moves it by so many
        words.
        """
        start, step = operand.offset, operand.step
        if step is not None:
            start = step.offset * self.rows(None)
        elif operand.space == Space.BLOCK:
            start = self.block_start(operand.time) + operand.offset * self.rows(operand.time)
        start += operand.inner
        return record(
            bytecode.OPERAND,
            {
                bytecode.OPERAND_SPACE: operand.space,
                bytecode.OPERAND_START: start * self.word,
                bytecode.OPERAND_STRIDE: operand.stride * self.word,
                bytecode.OPERAND_ROWS: kind_of_rows(operand.time),
                bytecode.OPERAND_STEP: 0 if step is None else step.words * self.word,
                bytecode.OPERAND_MOVE: move * self.word,
            },
        )

    def rows(self, time: int | None) -> int:
        """The rows of a time that BLOCK has room for."""
        return self.block if time is None else self.room[time]

    def block_start(self, time: int | None) -> int:
        """Where the values of a time begin in BLOCK: after those of the times before it."""
        if time is None:
            return self.own.start
        before = zip(self.entry.kept_words[:time], self.room[:time], strict=True)
        return self.batch.block_words + sum(w * rows for w, rows in before)

    def arguments(self, item: Instruction) -> Iterator[int]:
        """A kernel's arguments.  Rows of which threads have shares become a range whose length
        decides nothing, if `intra_op.py` says so.
        """
        kernel = self.entry.kernels[item.kernel]
        settled = rows_are_settled(kernel, item, min(self.block, self.examples))
        for at, number in enumerate(item.geometry):
            yield Extent.SHARE if settled and at == ROWS else number_for(number, self.examples)

    def task(self, task: ThreadTask, operands: int, geometry: int) -> list[int]:
        """A task's record; `operands` and `geometry` say where its operands and its kernel's
        arguments stand.
        """
        item = task.instruction
        count = len(item.operands)
        assert count <= MOST_OPERANDS, f"{item.note}: {count} operands are too many"
        return record(
            bytecode.INSTRUCTION,
            {
                bytecode.KERNEL: self.kernels[item.kernel],
                bytecode.OPERANDS_START: operands,
                bytecode.OPERANDS: count,
                bytecode.GEOMETRY_AT: geometry,
                bytecode.ROWS: kind_of_rows(item.time),
                bytecode.END: task.rows,
                bytecode.GRAIN: task.grain,
                bytecode.OWNER: task.owner,
                bytecode.WAITS: int(task.wait),
                bytecode.FOLLOWERS: task.followers,
                bytecode.ARGUMENTS: len(item.geometry),
                **({} if task.cut is None else self.cut(task.cut)),
            },
        )

    def cut(self, cut: SplitDim) -> dict[int, int]:
        """Which argument a cut changes."""
        assert cut.place is not None, "the rows of a call are no argument"
        return {bytecode.PLACE: cut.place + 1, bytecode.BY_ROW: int(cut.by_row)}

    def loop(self, loop: RecurrenceLoop) -> list[int]:
        """The head of a loop, which stands before its instructions."""
        return record(
            bytecode.INSTRUCTION,
            {
                bytecode.LOOP_LENGTH: loop.count,
                bytecode.LOOP_TIME: loop.time,
                bytecode.LOOP_BACKWARDS: int(loop.backwards),
            },
        )

    def result(self, number: int, result: Result) -> list[int]:
        """A result's record."""
        return record(
            bytecode.RESULT,
            {
                bytecode.RESULT_UNIFORM: result.offset * self.word,
                bytecode.RESULT_BYTES: result.words * self.word,
                bytecode.RESULT_SPACE: Space.ARRAY + len(self.entry.arrays) + number,
            },
        )

    def sum(self, sum: PartialReduction) -> list[int]:
        """A sum's record."""
        return record(
            bytecode.SUM,
            {
                bytecode.SUM_PARTIAL: sum.partial * self.word,
                bytecode.SUM_UNIFORM: sum.uniform * self.word,
                bytecode.SUM_WORDS: sum.words,
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
        clock = bytecode.CLOCK * len(self.entry.times) * self.own.blocks * 8
        return [0] * Space.ARRAY + arrays + results + [clock]

    @property
    def of_teams(self) -> dict[int, int]:
        """What the header says of a batch stage's teams, and that they run all its chunks."""
        words, teams = self.batch.block_words, self.teams
        return {
            bytecode.BLOCK_BYTES: block_bytes(self.entry, words, self.room, self.word),
            bytecode.TEAMS: teams.count,
            bytecode.MEMBERS: teams.members,
            bytecode.END_CHUNK: self.own.chunks,
            bytecode.LAST: 1,
        }

    def header(self, strides: int, results: int) -> list[int]:
        """The first words of a table, or those that say how a batch is cut for wide stages; where
        its strides and its results begin.
        """
        entry, examples = self.entry, self.examples
        spaces, times = len(self.strides()), len(entry.times)
        assert times <= MOST_TIMES, f"{entry.name}: {times} times are too many"
        return record(
            bytecode.HEADER,
            {
                bytecode.EXAMPLES: examples,
                bytecode.BLOCK: self.block,
                bytecode.BLOCKS: self.own.blocks,
                bytecode.CHUNKS: self.own.chunks,
                bytecode.PHASES: len(entry.phases),
                bytecode.PARTIAL_BYTES: partial_bytes(entry, self.word),
                bytecode.SPACES: spaces,
                bytecode.STRIDES_START: strides,
                bytecode.RESULTS: len(entry.results),
                bytecode.RESULTS_START: results,
                bytecode.TIMES: times,
                bytecode.CLOCK_SPACE: spaces - 1,
                **self.of_teams,
            },
        )
