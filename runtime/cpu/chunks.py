"""How many chunks a batch is cut into, and how often a kernel adds into a chunk's partial sums.

An entry says how many there are at most.  Of a very large batch there are more: the blocks of a
chunk add into the same partial sums one after another, which must not go on for long (Note [How
long a chain of additions is] in `compiler/schedule/chains.py`).  The number follows from the entry
and the sizes of the batch and its blocks alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.entry import Entry, Instruction, Space
from compiler.geometry import K1, K2, LOOP, LOOP_COUNT, LOOPS, Y_LOOP
from runtime.cpu.kernels.contract_dots import TURNS
from runtime.cpu.kernels.long_sums import MOST_ADDED, pieces_of
from runtime.cpu.kernels.tiled import TERMS

ADDED = 256  # additions into partial sums, one after another
PIECES = {"contract_rows": TERMS, "contract_lanes": TERMS, "contract_dots": TURNS}


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
    kernel = entry.kernels[item.kernel]
    if kernel.source is not None or kernel.name not in PIECES:
        return block  # once an example, if it does not add them up in a register
    if item.time is not None:
        return MOST_ADDED
    return min(MOST_ADDED, _of_product(item.geometry, PIECES[kernel.name], block))


def _of_product(geometry: Sequence[int], terms: int, rows: int) -> int:
    """The pieces of its sum, which are added into memory one by one."""
    outer = range(LOOPS, LOOPS + LOOP * geometry[LOOP_COUNT], LOOP)
    extents = [
        geometry[K1],
        geometry[K2],
        *(geometry[k] for k in outer if not geometry[k + Y_LOOP]),
    ]
    k1, k2, *sums = (rows if extent < 0 else extent for extent in extents)
    pieces: int = pieces_of(k1, k2, terms)
    for extent in sums:
        pieces *= extent
    return pieces
