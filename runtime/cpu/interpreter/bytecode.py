"""Where things lie in the arrays of int64 that native code reads.

`control` is shared by the walkers during one call: how many threads and steps, where each thread's
row of base addresses begins, and the words they synchronise by, each on a cache line of its own.

`mailboxes` has a record for each helper of a crew: what it is asked to do, and whether it is at it.

The table of an entry at one batch size: a header; records of phases, instructions, operands, sums
and results; and the strides by which base addresses move from step to step.  The size of a record
stands first, then what each of its words is.  What `starts` is a place in the table.
"""

from __future__ import annotations

from gradc_compiler.program.entry import MOST_TIMES, Space

# control
THREADS, STEPS, BASES, BASES_STEP = 0, 1, 2, 3
CHUNK_COUNTER, ARRIVED, GENERATION, CONTROL = 16, 32, 48, 64

# a record of mailboxes: what the helper is at, on a cache line of its own; then its orders, a
# function and the two addresses it is given; then how it waits
MAILBOX = 16
STATE, FUNCTION, POINTERS, GEOMETRY, CORE, SPINS, EVENT, CROWDED = 0, 8, 9, 10, 11, 12, 13, 14
IDLE, BUSY, ASLEEP = 0, 1, 2  # the state

# the table's header
HEADER = 12
EXAMPLES, BLOCK, BLOCKS, CHUNKS, PHASES, PARTIAL_BYTES = 0, 1, 2, 3, 4, 5
SPACES, STRIDES_START, RESULTS, RESULTS_START, TIMES, CLOCK_SPACE = 6, 7, 8, 9, 10, 11

# a phase: of examples or once; and if its products are cut, their parts
PHASE = 8
OF_EXAMPLES, INSTRUCTIONS_START, INSTRUCTIONS, CLEARS_PARTIALS = 0, 1, 2, 3
SUMS_START, SUMS, PARTS_START, PARTS = 4, 5, 6, 7

# an instruction: the addresses of its kernel and its geometry, its operands; whether threads wait
# before it; what its rows are (0: examples, k + 1: elements of time k); how many others follow it.
# The grain of its shares is, of what follows another, its words for each row of that one.
INSTRUCTION = 9
KERNEL, OPERANDS_START, OPERANDS, GEOMETRY_AT, EXTENT, GRAIN, WAITS, ROWS, FOLLOWERS = range(9)
PART_NUMBER, PART_OF, PART_BEGIN, PART_END = EXTENT, GRAIN, ROWS, FOLLOWERS  # of a part of one
LOOP_LENGTH, LOOP_TIME, LOOP_BACKWARDS = 1, 2, 3  # the head of a loop, which has no kernel

# an operand: bytes from its space's base; bytes for each row before the block, and what its rows
# are; bytes for each row before the step (or the piece), if only the rows of one are there
OPERAND = 5
OPERAND_SPACE, OPERAND_START, OPERAND_STRIDE, OPERAND_ROWS, OPERAND_STEP = range(5)

# a sum over the chunks: bytes into PARTIAL and into UNIFORM
SUM = 3
SUM_PARTIAL, SUM_UNIFORM, SUM_WORDS = 0, 1, 2

# a result: bytes into UNIFORM, how many, and the space of the array that receives it
RESULT = 3
RESULT_UNIFORM, RESULT_BYTES, RESULT_SPACE = 0, 1, 2

# the clock, for each block and time: rows, steps, and the address of the rows of each step
CLOCK = 4
CLOCK_FIRST, CLOCK_ROWS, CLOCK_STEPS, CLOCK_COUNTS = 0, 1, 2, 3

UNIFORM_SPACE, BLOCK_SPACE, PARTIAL_SPACE = int(Space.UNIFORM), int(Space.BLOCK), int(Space.PARTIAL)
ARRAY_SPACE = int(Space.ARRAY)  # the first of those that every call has of its own
PIECE = 1  # what the rows of a ONCE phase are, if only a piece of them is there
LEAST_PIECE, MOST_PIECE = 1 << 13, 1 << 16  # words of a result that those which follow read at once
PIECE_OF_EXAMPLE = 1 << 7  # for each example: a larger one takes up all examples less often
MOST_ROWS = 1 + MOST_TIMES  # kinds of rows: examples, and the elements of each time
