"""Where things lie in the arrays of int64 that native code reads.

`control` is shared by the walkers during one call: how many threads and steps, where each thread's
row of base addresses begins, and the words they synchronise by, each on a cache line of its own.

`mailboxes` has a record for each helper of a crew: what it is asked to do, and whether it is at it.

The table of an entry at one batch size: a header; records of phases, instructions, operands, sums
and results; and the strides by which base addresses move from step to step.
"""

from __future__ import annotations

from compiler.program import Space

# control
THREADS, STEPS, BASES, BASES_STEP = 0, 1, 2, 3
CHUNK_COUNTER, ARRIVED, GENERATION, CONTROL = 16, 32, 48, 64

# words in a record of mailboxes; the state has a cache line of its own
MAILBOX = 16  # what the helper is at, then its orders: function and the two addresses it is given
STATE, FUNCTION, POINTERS, GEOMETRY, CORE, SPINS, EVENT, CROWDED = 0, 8, 9, 10, 11, 12, 13, 14
IDLE, BUSY, ASLEEP = 0, 1, 2  # the state

# header of the table
EXAMPLES, BLOCK, BLOCKS, CHUNKS, PHASES, PARTIAL_BYTES = 0, 1, 2, 3, 4, 5
SPACES, STRIDES_START, RESULTS, RESULT_START, TIMES, CLOCK_SPACE, HEADER = 6, 7, 8, 9, 10, 11, 12

# words in a record
PHASE = 8  # examples?, first instruction, instructions, zero partials?, first sum, sums; and if its
# products are cut: the first part and how many there are
INSTRUCTION = 9  # (a part has its number and how many there are as extent and grain)
# kernel, first operand, operands, geometry, extent, grain of a share (of what
# follows another: its words for each row of that one), barrier?, what its rows are (0: examples,
# k + 1: elements of time k), how many follow.  A loop, before its instructions: 0, their number,
# time, backwards?
OPERAND = 5  # space, bytes from its base, bytes for each row before the block, what its rows are,
# bytes for each row before the step, if only the rows of one step are there
CLOCK = 4  # for each block and time: first row, rows, steps, address of the rows of each step
SUM = 3  # bytes into PARTIAL, bytes into UNIFORM, words
RESULT = 3  # bytes into UNIFORM, bytes, space of the buffer that receives it

UNIFORM_SPACE, BLOCK_SPACE, PARTIAL_SPACE = int(Space.UNIFORM), int(Space.BLOCK), int(Space.PARTIAL)
LOOPS = 12  # where the outer loops begin in the geometry of a product
PIECE_WORDS = 1 << 16  # of a result that the instructions which follow read from the cache
MOST_OPERANDS = 64  # of one instruction
MOST_TIMES = 31  # of an entry
