"""Tasks in native code: the members of a team go through all, and each does what is its own.

`runtime/cpu/interpreter/bytecode.py` says which word of the bytecode means what.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import AFTER_LOOPS, MOST_NUMBERS
from gradc_runtime.cpu.codegen.intrinsics import WORDS, call_kernel, stack_words, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import share_start
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.bytecode import (
    CLOCK,
    INSTRUCTION,
    LEAST_PIECE,
    MOST_PIECE,
    PIECE,
    PIECE_OF_EXAMPLE,
)

NUMBER = kernel_types.int64
ROOM = MOST_NUMBERS + AFTER_LOOPS


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, WORDS))
def place_operands(
    table: Any, at: Any, bases: Any, pointers: Any, origin: Any, firsts: Any
) -> None:
    """Write down the addresses of an instruction's operands.

    Where memory has the rows of one time step or piece only, `origin` is the first of those.
    """
    operand = table[at + bytecode.OPERANDS_START]
    for k in range(table[at + bytecode.OPERANDS]):
        base = bases[table[operand + bytecode.OPERAND_SPACE]]
        before = firsts[table[operand + bytecode.OPERAND_ROWS]]
        start = (
            table[operand + bytecode.OPERAND_START]
            - origin * table[operand + bytecode.OPERAND_STEP]
        )
        pointers[k] = base + start + before * table[operand + bytecode.OPERAND_STRIDE]
        operand += bytecode.OPERAND


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, NUMBER, WORDS))
def launch(
    table: Any, at: Any, bases: Any, pointers: Any, origin: Any, begin: Any, end: Any, firsts: Any
) -> None:
    """Call an instruction's kernel for rows [begin, end)."""
    place_operands(table, at, bases, pointers, origin, firsts)
    geometry = words_at(table[at + bytecode.GEOMETRY_AT])
    call_kernel(table[at + bytecode.KERNEL], pointers, geometry, begin, end, firsts[0])


@subroutine(
    kernel_types.void(WORDS, NUMBER, WORDS, WORDS, *[NUMBER] * 2, WORDS, *[NUMBER] * 2),
    stands_alone=True,
)
def launch_cut(
    table: Any, at: Any, bases: Any, pointers: Any, begin: Any, end: Any, firsts: Any,
    start: Any, stop: Any,
) -> None:  # fmt: skip
    """Call an instruction's kernel for iterations [start, stop) of the loop that threads divide.

    That loop is within a row, or goes over all rows together (BY_ROW).
    """
    place_operands(table, at, bases, pointers, begin, firsts)
    operand = table[at + bytecode.OPERANDS_START]
    for k in range(table[at + bytecode.OPERANDS]):
        pointers[k] += start * table[operand + bytecode.OPERAND_MOVE]
        operand += bytecode.OPERAND
    whole, own = words_at(table[at + bytecode.GEOMETRY_AT]), stack_words(ROOM)
    for k in range(table[at + bytecode.ARGUMENTS]):
        own[k] = whole[k]
    place = table[at + bytecode.PLACE] - 1
    if table[at + bytecode.BY_ROW] != 0:
        own[place] = 1
        end = begin * whole[place] + stop
        begin = begin * whole[place] + start
    else:
        own[place] = stop - start
    call_kernel(table[at + bytecode.KERNEL], pointers, own, begin, end, firsts[0])


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER, WORDS, NUMBER, NUMBER))
def run_own(
    table: Any, at: Any, bases: Any, pointers: Any, begin: Any, end: Any, firsts: Any,
    member: Any, members: Any,
) -> None:  # fmt: skip
    """A member's share of a task on rows [begin, end)."""
    grain, place = table[at + bytecode.GRAIN], table[at + bytecode.PLACE]
    if members == 1 or grain == 0:
        if members == 1 or table[at + bytecode.OWNER] == member:
            launch(table, at, bases, pointers, begin, begin, end, firsts)
        return
    extent = end - begin
    if place > 0:
        iterations = words_at(table[at + bytecode.GEOMETRY_AT])[place - 1]
        extent = iterations * extent if table[at + bytecode.BY_ROW] != 0 else iterations
    start = share_start(extent, grain, member, members)
    stop = share_start(extent, grain, member + 1, members)
    if start < stop:
        if place > 0:
            launch_cut(table, at, bases, pointers, begin, end, firsts, start, stop)
        else:
            launch(table, at, bases, pointers, begin, begin + start, begin + stop, firsts)


@subroutine(NUMBER(*[NUMBER] * 4))
def rows_of_piece(rows: Any, words: Any, unit: Any, examples: Any) -> Any:
    """The rows of the next piece of so many rows, each of so many words: a multiple of `unit`, and
    pieces of nearly equal size that stay in the cache.
    """
    most = max(LEAST_PIECE, min(MOST_PIECE, PIECE_OF_EXAMPLE * examples))
    pieces = (rows * words + most - 1) // most
    return max(unit, (rows // pieces + unit - 1) // unit * unit)


@subroutine(kernel_types.void(WORDS, NUMBER, WORDS, WORDS, NUMBER, NUMBER), stands_alone=True)
def run_pieces(
    table: Any, leader: Any, bases: Any, pointers: Any, member: Any, members: Any
) -> None:
    """Run an instruction and its followers piece by piece: a piece of the first, then the same
    piece of each follower, then the next.

    A result that only the followers read is streamed: every piece is written over the last one, so
    it stays in the cache.
    """
    firsts = stack_words(2)
    extent, unit = table[leader + bytecode.END], table[leader + bytecode.GRAIN]
    words = table[leader + INSTRUCTION + bytecode.GRAIN] // unit  # of a row
    begin = share_start(extent, unit, member, members)
    end = share_start(extent, unit, member + 1, members)
    first = begin
    while begin < end:
        stop = min(end, begin + rows_of_piece(end - begin, words, unit, table[bytecode.EXAMPLES]))
        firsts[PIECE] = first
        launch(table, leader, bases, pointers, begin, begin, stop, firsts)
        firsts[PIECE] = first * words
        for i in range(1, 1 + table[leader + bytecode.FOLLOWERS]):
            at = leader + i * INSTRUCTION
            at_word = begin * words
            launch(table, at, bases, pointers, at_word, at_word, stop * words, firsts)
        begin = stop


@subroutine(
    kernel_types.void(WORDS, NUMBER, WORDS, NUMBER, WORDS, WORDS, WORDS, WORDS, NUMBER, NUMBER),
    stands_alone=True,
)
def run_loop(
    control: Any, team: Any, table: Any, at: Any, bases: Any, pointers: Any, firsts: Any,
    clock: Any, member: Any, members: Any,
) -> None:  # fmt: skip
    """Run a recurrence: for each time step, the instructions after the loop's head on its rows."""
    backwards = table[at + bytecode.LOOP_BACKWARDS] != 0
    counts = words_at(clock[bytecode.CLOCK_COUNTS])
    steps = clock[bytecode.CLOCK_STEPS]
    row = clock[bytecode.CLOCK_ROWS] if backwards else 0
    for k in range(steps):
        rows = counts[steps - 1 - k] if backwards else counts[k]
        row -= rows if backwards else 0
        for i in range(1, table[at + bytecode.LOOP_LENGTH] + 1):
            one = at + i * INSTRUCTION
            if members > 1 and table[one + bytecode.WAITS] != 0:
                barrier(control, team, member, members)
            run_own(table, one, bases, pointers, row, row + rows, firsts, member, members)
        row += 0 if backwards else rows


@subroutine(
    kernel_types.void(
        *(WORDS, NUMBER, WORDS, NUMBER, NUMBER, WORDS, WORDS, WORDS, WORDS, NUMBER, NUMBER, NUMBER)
    ),
    stands_alone=True,
)
def run_tasks(
    control: Any, team: Any, table: Any, start: Any, count: Any, bases: Any, pointers: Any,
    firsts: Any, ends: Any, clock: Any, member: Any, members: Any,
) -> None:  # fmt: skip
    """Run a stage's tasks: on one block of examples, or all of a serial stage.

    `team` is where the members' words for barriers are.
    """
    i = 0
    while i < count:
        at = start + i * INSTRUCTION
        if table[at + bytecode.KERNEL] == 0:
            own = words_at(clock + 8 * CLOCK * table[at + bytecode.LOOP_TIME])
            run_loop(control, team, table, at, bases, pointers, firsts, own, member, members)
            i += table[at + bytecode.LOOP_LENGTH] + 1
            continue
        if members > 1 and table[at + bytecode.WAITS] != 0:
            barrier(control, team, member, members)
        end = max(table[at + bytecode.END], ends[table[at + bytecode.ROWS]])
        if table[at + bytecode.FOLLOWERS] > 0:
            run_pieces(table, at, bases, pointers, member, members)
        elif end > 0:  # a block may have no elements
            run_own(table, at, bases, pointers, 0, end, firsts, member, members)
        i += 1 + table[at + bytecode.FOLLOWERS]
