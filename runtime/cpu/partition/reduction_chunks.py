"""Reduction chunks: how many parts a batch's sums are taken in, and how often each is added to.

A sum over the examples of a batch is taken in chunks, whose results are added at last (Note [The
same bits on any number of threads]).  The entry says how many chunks there are; a very large batch
has more, because the blocks of a chunk add to the same words one after another, which must not go
on for long (Note [How long a chain of additions is] in `compiler/machine/addition_chains.py`).
"""

from __future__ import annotations

from gradc_compiler.machine.addition_chains import (
    ADDED,
    BLOCKS,
    IN_A_ROW,
    IN_PIECE,
    MOST_PIECES,
)
from gradc_compiler.program.entry import Entry, Instruction, Space
from gradc_compiler.program.kernel_abi import pieces_of_product, product_of


def chunks_of(entry: Entry, examples: int, block: int) -> int:
    """The chunks of a batch; none is empty."""
    blocks = -(-examples // block)
    most = max(1, ADDED // additions(entry, block))  # blocks of a chunk
    return max(min(entry.chunks, blocks), -(-blocks // most))


def additions(entry: Entry, block: int) -> int:
    """How often, at most, a block adds to a word of its chunk's partial sums."""
    return max(
        (
            _of_instruction(entry, item, block)
            for phase in entry.phases
            for item in phase.instructions
            if phase.examples and any(o.space == Space.PARTIAL for o in item.operands)
        ),
        default=1,
    )


def _of_instruction(entry: Entry, item: Instruction, block: int) -> int:
    kernel, rows = entry.kernels[item.kernel], block
    if item.time is not None:
        steps = entry.times[item.time]
        if isinstance(steps, str) or block * steps > IN_A_ROW * BLOCKS:
            return MOST_PIECES  # of a length that nobody knows, or too many to be one addition
        rows = block * steps
    if kernel.source is not None:
        return max(1, item.added * rows)
    if product_of(kernel.name) == "contract_any":
        return item.added
    return min(MOST_PIECES, pieces_of_product(item.geometry, rows, IN_PIECE)) * item.added


# Note [The same bits on any number of threads]
# A sum of floating-point numbers depends on the order in which they are added.  Were every thread
# to add up what it happens to do, two runs of a program would differ in their last digits, and a
# run on another machine could not be compared with this one.  So no order depends on threads:
#
# * A batch is cut into blocks, and blocks into chunks, by the entry and the batch size alone: a
#   tree of three levels (examples, blocks, chunks), in which the number of threads does not occur.
# * Each chunk has partial sums of its own, so memory grows with the chunks.  The blocks of a chunk
#   run in order on one team, whichever that is, and the chunks' sums are added in their order.
# * An instruction that is divided over the members of a team is cut where each number of its result
#   is made by one thread, from all of its terms, in the order in which one thread alone would add
#   them.  So cuts may follow from the number of threads; blocks and chunks may not.
#
# Whatever measures time (the autotuner, the choice between one thread and several) may therefore
# change the size of a block only for all numbers of threads at once, and else nothing of the above.
