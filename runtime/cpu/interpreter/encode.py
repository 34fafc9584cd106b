"""The bytecode encoder: an entry and a batch size become one array of int64, for native code.

All that depends on the batch size is computed here: offsets in bytes, with the size of a block
multiplied in, and the addresses of kernels and of their arguments.  Another batch size is another
table, which takes a few microseconds; no compiled code depends on the batch size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry, Phase
from gradc_compiler.program.kernel_abi import AFTER_LOOPS
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.bytecode_records import Records, record
from gradc_runtime.cpu.partition.divide import tasks_of
from gradc_runtime.cpu.partition.segments import cut_of
from gradc_runtime.cpu.partition.space_sizes import uses_partials
from gradc_runtime.cpu.partition.streamed import passed_on
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask
from gradc_runtime.system.aligned_memory import aligned


@dataclass(frozen=True, slots=True)
class DividedPhase:
    """A phase with its tasks: one for each instruction, in order."""

    phase: Phase
    tasks: Sequence[ThreadTask]
    written: Records  # of its segment

    @property
    def records(self) -> int:
        """How many records its instructions have, heads of loops among them."""
        return len(self.tasks) + len(self.phase.loops)


def build_table(
    entry: Entry,
    kernels: Sequence[int],
    examples: int,
    word: int,
    block: int,
    room: Sequence[int] = (),
    threads: int = 1,
) -> NDArray[np.int64]:
    """The bytecode of an entry for batches of `examples`; kernel arguments stand at its end.

    `kernels` has the address of each kernel, `word` the bytes of a number, `block` the examples in
    a block of the stages that are not wide, and `room` the rows of each time that BLOCK has words
    for.  It is for `threads` threads, or for one.
    """
    cut = cut_of(entry, examples, block)
    usual, *wide = (
        Records(entry, kernels, examples, word, cut, own, room, passed_on(entry), threads)
        for own in cut.segments
    )
    return written(usual, wide, list(divided(entry.phases, usual, *wide)))


def written(
    usual: Records, wide: Sequence[Records], phases: Sequence[DividedPhase]
) -> NDArray[np.int64]:
    """The words of all records: those of the usual segment, and of a wide one if there is one."""
    tail = {"cut": [0] * bytecode.HEADER * len(wide), **sections(usual, phases)}
    starts, end = starts_of(phases, tail)
    for own in wide:
        tail["cut"] = own.header(starts["strides"], starts["results"])
    table = aligned(end + AFTER_LOOPS, np.dtype(np.int64))
    geometry = table.ctypes.data + 8 * starts["geometry"]
    table[:end] = [
        *usual.header(starts["strides"], starts["results"]),
        *phase_records(phases, starts),
        *task_records(starts["operands"], geometry, phases),
        *(number for numbers in tail.values() for number in numbers),
    ]
    return table


def divided(
    phases: Sequence[Phase], usual: Records, wide: Records | None = None
) -> Iterator[DividedPhase]:
    """The phases, with the tasks of each, and with the writer of records for its segment."""
    for phase in phases:
        own = wide if wide is not None and phase.wide else usual
        members = own.teams.members if phase.examples else own.threads
        yield DividedPhase(phase, tasks_of(own.entry, phase, own.block, members), own)


def starts_of(
    phases: Sequence[DividedPhase], tail: Mapping[str, Sequence[int]]
) -> tuple[dict[str, int], int]:
    """The word at which each part of a table begins, by name, and the words of all."""
    instructions = bytecode.HEADER + bytecode.PHASE * len(phases)
    starts = {"instructions": instructions}
    end = instructions + bytecode.INSTRUCTION * sum(one.records for one in phases)
    for name, numbers in tail.items():
        starts[name], end = end, end + len(numbers)
    return starts, end


def sections(records: Records, divided: Sequence[DividedPhase]) -> dict[str, list[int]]:
    """The sections that stand after the instructions, in order, by name."""
    phases, results = records.entry.phases, records.entry.results
    tasks = [(one.written, task) for one in divided for task in one.tasks]
    return {
        "operands": [n for own, task in tasks for n in own.operands(task)],
        "sums": [n for phase in phases for sum in phase.sums for n in records.sum(sum)],
        "results": [n for k, result in enumerate(results) for n in records.result(k, result)],
        "strides": records.strides(),
        "geometry": [n for own, task in tasks for n in own.arguments(task.instruction)],
    }


def phase_records(phases: Sequence[DividedPhase], starts: Mapping[str, int]) -> Iterator[int]:
    """A record for each stage."""
    first, first_sum = starts["instructions"], starts["sums"]
    for one in phases:
        phase = one.phase
        yield from record(
            bytecode.PHASE,
            {
                bytecode.OF_EXAMPLES: int(phase.examples),
                bytecode.INSTRUCTIONS_START: first,
                bytecode.INSTRUCTIONS: one.records,
                bytecode.CLEARS_PARTIALS: int(uses_partials(phase)),
                bytecode.SUMS_START: first_sum,
                bytecode.SUMS: len(phase.sums),
                bytecode.CUT: starts["cut"] if phase.wide else 0,
            },
        )
        first += bytecode.INSTRUCTION * one.records
        first_sum += bytecode.SUM * len(phase.sums)


def task_records(operands: int, geometry: int, phases: Sequence[DividedPhase]) -> Iterator[int]:
    """The records of all tasks in order, the head of a recurrence before its own.

    `operands` is where the first one's operands begin, `geometry` the address of its arguments.
    """
    for one in phases:
        heads = {loop.start: loop for loop in one.phase.loops}
        for k, task in enumerate(one.tasks):
            if k in heads:
                yield from one.written.loop(heads[k])
            yield from one.written.task(task, operands, geometry)
            operands += bytecode.OPERAND * len(task.instruction.operands)
            geometry += 8 * len(task.instruction.geometry)
