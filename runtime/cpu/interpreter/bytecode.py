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
LINE, MOST_GROUPS = 16, 16  # words of a cache line; of those that arrive at a barrier together
ALL, TEAM = LINE, (3 + MOST_GROUPS) * LINE  # where the words of all are, and how many each team has
CHUNK_COUNTER, ARRIVED, GENERATION, OF_GROUPS = (k * LINE for k in range(4))  # from there

# a record of mailboxes: what the worker does (`WorkerState`), on a cache line of its own; then its
# task, a function and the two addresses that it is called with; then how the worker waits
MAILBOX = 16
STATE, FUNCTION, POINTERS, GEOMETRY, CORE, SPINS, EVENT, CROWDED = 0, 8, 9, 10, 11, 12, 13, 14


class WorkerState(IntEnum):
    """What a worker of a pool does."""

    IDLE = 0
    BUSY = 1
    ASLEEP = 2


# the table's header; FIRST_CHUNK to END_CHUNK are run here, the others by other ranks, whose sums
# so far CONTINUE (0: there are none), and of which the LAST divides by the number of examples
HEADER = 19
EXAMPLES, BLOCK, BLOCKS, CHUNKS, PHASES, PARTIAL_BYTES = 0, 1, 2, 3, 4, 5
SPACES, STRIDES_START, RESULTS, RESULTS_START, TIMES, CLOCK_SPACE = 6, 7, 8, 9, 10, 11
BLOCK_BYTES, TEAMS, MEMBERS = 12, 13, 14  # in a batch stage; a thread alone is its own team
FIRST_CHUNK, END_CHUNK, CONTINUE, LAST = 15, 16, 17, 18

# a stage: batch (OF_EXAMPLES) or serial; its instructions in order, and its sums; where the header
# stands that says how the batch is cut for it: at 0, or at the end of the table for a wide stage
PHASE = 7
OF_EXAMPLES, INSTRUCTIONS_START, INSTRUCTIONS, CLEARS_PARTIALS, SUMS_START, SUMS, CUT = range(PHASE)

# an instruction: the addresses of its kernel and of its arguments (geometry); its operands; what
# its rows are (0: examples, k + 1: elements of time k), and in a serial stage how many (else 0)
INSTRUCTION = 13
KERNEL, OPERANDS_START, OPERANDS, GEOMETRY_AT, ROWS, END = range(6)

# as a task: the GRAIN of which every member's share is a multiple, or else the OWNER; whether
# members wait before it; how many tasks after it run tile by tile with it (FOLLOWERS); PLACE - 1 is
# the argument that is cut (0: none, its rows are), of so many ARGUMENTS; BY_ROW: each row has so
# many iterations, and the kernel's range is over those of all rows
GRAIN, OWNER, PLACE, WAITS, FOLLOWERS, ARGUMENTS, BY_ROW = range(6, 13)
AFTER = 3  # numbers of a geometry after its loops
LOOP_LENGTH, LOOP_TIME, LOOP_BACKWARDS = 1, 2, 3  # the head of a recurrence, which has no kernel

# an operand: bytes from its space's base; bytes for each row before the block, and what its rows
# are; bytes for each row before the time step (or the streamed piece), where memory has only the
# rows of one step (or piece) at a time; bytes for each iteration of the loop that is cut
OPERAND = 6
OPERAND_SPACE, OPERAND_START, OPERAND_STRIDE, OPERAND_ROWS, OPERAND_STEP, OPERAND_MOVE = range(6)

# a sum over the chunks: bytes into PARTIAL and into UNIFORM
SUM = 3
SUM_PARTIAL, SUM_UNIFORM, SUM_WORDS = 0, 1, 2

# a result: bytes into UNIFORM, how many, and the space of the array that receives it
RESULT = 3
RESULT_UNIFORM, RESULT_BYTES, RESULT_SPACE = 0, 1, 2

# packed sequences, for each block and time: the first row, how many rows, how many time steps, and
# the address of the number of rows of each step
CLOCK = 4
CLOCK_FIRST, CLOCK_ROWS, CLOCK_STEPS, CLOCK_COUNTS = 0, 1, 2, 3

UNIFORM_SPACE, BLOCK_SPACE, PARTIAL_SPACE = int(Space.UNIFORM), int(Space.BLOCK), int(Space.PARTIAL)
ARRAY_SPACE = int(Space.ARRAY)  # the first of those that every call has of its own
PIECE = 1  # the kind of rows of an operand in a serial stage of which only a piece is in memory
LEAST_PIECE, MOST_PIECE = MACHINE.least_piece, MACHINE.most_piece  # words of a streamed result
PIECE_OF_EXAMPLE = MACHINE.piece_of_example  # such words for each example
MOST_ROWS = 1 + MOST_TIMES  # kinds of rows: examples, and the elements of each time
