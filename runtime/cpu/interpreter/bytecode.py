"""The bytecode: which word means what in the arrays of int64 that native code reads.

`control` is shared by the threads of one call: the number of threads and of steps, where each
thread's row of base addresses begins, how long a thread looks before it lets others have its core,
and the words by which threads synchronise, each on a cache line of its own: those of all threads,
then those of each team.

`mailboxes` has a record for each worker of a thread pool: what it is asked to do, and whether it is
doing it.

The table of an entry at one batch size has a header; records of stages (`PHASE`), instructions,
operands, sums and results; and the strides by which base addresses move from step to step.  Below,
the size of a record stands first and then the index of each of its words.  A word called
`..._START` is an index into the table.
"""

from __future__ import annotations

from enum import IntEnum

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import MOST_TIMES, Space

# control
THREADS, STEPS, BASES, BASES_STEP, LOOKS = 0, 1, 2, 3, 4
LINE, MOST_GROUPS = 16, 16  # words of a cache line; groups of threads at a barrier
ALL = LINE  # where the words begin by which all threads synchronise; those of teams follow
TEAM = (3 + MOST_GROUPS) * LINE  # how many such words all have, and each team
CHUNK_COUNTER, ARRIVED, GENERATION, OF_GROUPS = (k * LINE for k in range(4))  # among these

# A mailbox: what the worker does (`WorkerState`), on a cache line of its own; then its task, which
# is a function and the two addresses that it is called with; then how the worker waits.
MAILBOX = 16
STATE, FUNCTION, POINTERS, GEOMETRY, CORE, SPINS, EVENT, CROWDED = 0, 8, 9, 10, 11, 12, 13, 14


class WorkerState(IntEnum):
    """What a worker of a pool does."""

    IDLE = 0
    BUSY = 1
    ASLEEP = 2


# The table's header.  Several ranks may share a batch: this one runs the chunks from FIRST_CHUNK to
# END_CHUNK.  If CONTINUE is not 0 it adds to the sums of the ranks before it, and the LAST one
# divides them by the number of examples.
HEADER = 19
EXAMPLES, BLOCK, BLOCKS, CHUNKS, PHASES, PARTIAL_BYTES = 0, 1, 2, 3, 4, 5
SPACES, STRIDES_START, RESULTS, RESULTS_START, TIMES, CLOCK_SPACE = 6, 7, 8, 9, 10, 11
BLOCK_BYTES, TEAMS, MEMBERS = 12, 13, 14  # in a batch stage; a thread alone is its own team
FIRST_CHUNK, END_CHUNK, CONTINUE, LAST = 15, 16, 17, 18

# A stage, which is a batch stage (OF_EXAMPLES) or a serial one: its instructions in order, and its
# sums.  CUT is where the header stands that says how its batch is cut: at 0, or at the end of the
# table for a wide stage.
PHASE = 7
OF_EXAMPLES, INSTRUCTIONS_START, INSTRUCTIONS, CLEARS_PARTIALS, SUMS_START, SUMS, CUT = range(PHASE)

# An instruction: the addresses of its kernel and of its arguments (the geometry); its operands;
# what its ROWS are (0: examples, k + 1: elements of time k); in a serial stage END is how many rows
# there are, in a batch stage 0.
INSTRUCTION = 13
KERNEL, OPERANDS_START, OPERANDS, GEOMETRY_AT, ROWS, END = range(6)

# The same as a task of a team.  Every member has a share that is a multiple of GRAIN; if that is 0,
# the OWNER does all.  Members wait before it if it WAITS; so many FOLLOWERS run tile by tile with
# it.  If PLACE is 0 its rows are cut, else the loop of argument PLACE - 1, of so many ARGUMENTS;
# BY_ROW: each row has so many iterations, and the kernel's range goes over those of all rows.
GRAIN, OWNER, PLACE, WAITS, FOLLOWERS, ARGUMENTS, BY_ROW = range(6, 13)
LOOP_LENGTH, LOOP_TIME, LOOP_BACKWARDS = 1, 2, 3  # the head of a recurrence, which has no kernel

# An operand: its space, and bytes from the base of that space (START); bytes for each row that
# stands before the block (STRIDE), and what these rows are; bytes for each row before the time step
# or the streamed piece, if memory has only the rows of one step or piece at a time (STEP); bytes
# for each iteration of the loop that is cut (MOVE).
OPERAND = 6
OPERAND_SPACE, OPERAND_START, OPERAND_STRIDE, OPERAND_ROWS, OPERAND_STEP, OPERAND_MOVE = range(6)

# A sum over the chunks: bytes into PARTIAL and into UNIFORM, and how many words it has.
SUM = 3
SUM_PARTIAL, SUM_UNIFORM, SUM_WORDS = 0, 1, 2

# A result: bytes into UNIFORM, how many bytes, and the space of the array that receives it.
RESULT = 3
RESULT_UNIFORM, RESULT_BYTES, RESULT_SPACE = 0, 1, 2

# Packed sequences, for each block and time: the first row, how many rows, how many time steps, and
# the address of the list that has the number of rows of each step.
CLOCK = 4
CLOCK_FIRST, CLOCK_ROWS, CLOCK_STEPS, CLOCK_COUNTS = 0, 1, 2, 3

UNIFORM_SPACE, BLOCK_SPACE, PARTIAL_SPACE = int(Space.UNIFORM), int(Space.BLOCK), int(Space.PARTIAL)
ARRAY_SPACE = int(Space.ARRAY)  # the first space whose base is another in every call
PIECE = 1  # in a serial stage, ROWS of an operand of which memory has only a piece at a time
LEAST_PIECE, MOST_PIECE = MACHINE.least_piece, MACHINE.most_piece  # words of a streamed result
PIECE_OF_EXAMPLE = MACHINE.piece_of_example  # such words for each example
MOST_ROWS = 1 + MOST_TIMES  # kinds of rows: examples, and the elements of each time
