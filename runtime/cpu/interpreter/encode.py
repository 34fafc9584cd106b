"""The bytecode encoder: an entry and a batch size become one array of int64, for native code.

All that depends on the batch size is computed here: offsets in bytes, with the size of a block
multiplied in, and the addresses of kernels and of their arguments.  Another batch size is another
table, which takes a few microseconds; no compiled code depends on the batch size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.entry import Entry, Instruction
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.bytecode_records import Records, record
from gradc_runtime.cpu.partition.chunks import shares_of
from gradc_runtime.cpu.partition.intra_op import SubTask, parts_of
from gradc_runtime.cpu.partition.space_sizes import uses_partials
from gradc_runtime.cpu.partition.streamed import passed_on
from gradc_runtime.system.aligned_memory import aligned


def build_table(
    entry: Entry,
    kernels: Sequence[int],
    examples: int,
    word: int,
    block: int,
    room: Sequence[int] = (),
) -> NDArray[np.int64]:
    """The bytecode of an entry for batches of `examples`; kernel arguments stand at its end.

    `kernels` has the address of each kernel, `word` the bytes of a number, and `room` the rows of
    each time that BLOCK has words for.
    """
    records = Records(entry, kernels, examples, word, block, room, passed_on(entry))
    parts = [parts_of(entry, phase, examples, block) for phase in entry.phases]
    items = [item for phase in entry.phases for item in phase.instructions]
    items += [part.instruction for phase in parts for part in phase]
    loops = sum(len(phase.loops) for phase in entry.phases)
    tail = sections(records, items)
    instructions = bytecode.HEADER + bytecode.PHASE * len(entry.phases)
    starts = {"instructions": instructions}
    end = instructions + bytecode.INSTRUCTION * (len(items) + loops)
    for name, numbers in tail.items():
        starts[name], end = end, end + len(numbers)
    table = aligned(end, np.dtype(np.int64))
    geometry = table.ctypes.data + 8 * starts["geometry"]
    table[:] = [
        *records.header(starts["strides"], starts["results"]),
        *phase_records(entry, starts, [len(phase) for phase in parts]),
        *instruction_records(records, starts["operands"], geometry, parts),
        *(number for numbers in tail.values() for number in numbers),
    ]
    return table


def sections(records: Records, items: Sequence[Instruction]) -> dict[str, list[int]]:
    """The sections that stand after the instructions, in order, by name."""
    phases, results = records.entry.phases, records.entry.results
    return {
        "operands": [n for item in items for n in records.operands(item)],
        "sums": [n for phase in phases for sum in phase.sums for n in records.sum(sum)],
        "results": [n for k, result in enumerate(results) for n in records.result(k, result)],
        "strides": records.strides(),
        "geometry": [records.geometry(number) for item in items for number in item.geometry],
    }


def phase_records(entry: Entry, starts: Mapping[str, int], parts: Sequence[int]) -> Iterator[int]:
    """A record for each stage; `parts` counts the sub-tasks of each."""
    first, first_sum = starts["instructions"], starts["sums"]
    first_part = starts["operands"] - bytecode.INSTRUCTION * sum(parts)
    for phase, own in zip(entry.phases, parts, strict=True):
        count = len(phase.instructions) + len(phase.loops)
        yield from record(
            bytecode.PHASE,
            {
                bytecode.OF_EXAMPLES: int(phase.examples),
                bytecode.INSTRUCTIONS_START: first,
                bytecode.INSTRUCTIONS: count,
                bytecode.CLEARS_PARTIALS: int(uses_partials(phase)),
                bytecode.SUMS_START: first_sum,
                bytecode.SUMS: len(phase.sums),
                bytecode.PARTS_START: first_part,
                bytecode.PARTS: own,
            },
        )
        first_part += bytecode.INSTRUCTION * own
        first += bytecode.INSTRUCTION * count
        first_sum += bytecode.SUM * len(phase.sums)


def instruction_records(
    records: Records, operands: int, geometry: int, parts: Sequence[Sequence[SubTask]]
) -> Iterator[int]:
    """The records of all instructions in order (the head of a recurrence before its own), and then
    those of all sub-tasks.

    `operands` is where the first one's operands begin, `geometry` the address of its arguments.
    """
    for phase in records.entry.phases:
        shares = shares_of(records.entry, phase)
        heads = {loop.start: loop for loop in phase.loops}
        for k, (item, share) in enumerate(zip(phase.instructions, shares, strict=True)):
            if k in heads:
                yield from records.loop(heads[k])
            yield from records.instruction(item, operands, geometry, share)
            operands += bytecode.OPERAND * len(item.operands)
            geometry += 8 * len(item.geometry)
    for part in (part for phase in parts for part in phase):
        item = part.instruction
        yield from records.part(part, operands, geometry)
        operands += bytecode.OPERAND * len(item.operands)
        geometry += 8 * len(item.geometry)
