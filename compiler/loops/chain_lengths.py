"""How many additions a term goes through at most, one after another, in what is really run.

They are counted in the loops of a generated kernel, as `compiler/printing/cpu_printer.py` writes
them, and in the geometry of a product, as the library's kernels read it.  Note [How long a chain of
additions is] in `compiler/machine/addition_chains.py` says why there must not be many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from gradc_compiler.loops.ir import LoopNest, Store
from gradc_compiler.machine.addition_chains import (
    BLOCKS,
    COMPENSATED,
    IN_A_ROW,
    IN_PANEL,
    IN_PIECE,
    MOST_PIECES,
    OF_LANES,
    OF_PIECES,
)
from gradc_compiler.machine.visits import visits
from gradc_compiler.program.entry import Instruction
from gradc_compiler.program.kernel_abi import (
    ANY_LOOPS,
    B_COLUMN,
    COLUMNS,
    K1,
    K2,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    OUTPUT_LOOPS,
    ROWS,
    SUM_LOOPS,
    Y_COLUMN,
    Y_LOOP,
    Y_ROW,
    Extent,
    pieces_of,
    product_of,
)
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Chain:
    """The additions that a term goes through: `inside` a sum before that reaches memory, and as
    many as are `added` to one word there.
    """

    inside: int = 0
    added: int = 0
    remat: int = 1  # times that the loops of a product come back to a word

    @property
    def length(self) -> int:
        """The additions that a term goes through in all."""
        return self.inside + self.added


def chain_of(nest: LoopNest, rows: int, longest: int = 1) -> Chain:
    """The chain of a generated kernel on so many rows; up to `longest` of them may have the same
    owner.
    """
    extents = [loop.iterations(rows) for loop in nest.loops]
    _, access, store = nest.stores[-1]
    moves = list(access.moves)
    for level, loop in enumerate(nest.loops):
        if loop.over_rows and access.row is not None:
            moves[level], extents[level] = 0, longest
    inner = next((j for j, loop in enumerate(nest.loops) if loop.reduces), len(extents))
    match store:
        case Store.ADD:
            return Chain(0, visits(moves, extents))
        case Store.PAIR | Store.LOST:
            return Chain(COMPENSATED)
        case Store.SUM | Store.SUM_ADD:
            inside, stores = _in_registers(nest, extents, inner)
            again = visits(moves[:inner], extents[:inner])
            return Chain(inside, stores * again if store is Store.SUM_ADD else 0)
    return Chain()


def _in_registers(nest: LoopNest, extents: Sequence[int], inner: int) -> tuple[int, int]:
    """The additions in registers within a level of loops, and how often their sum is then added to
    memory.
    """
    if inner == len(extents) or not nest.loops[inner].over_rows:
        sums = zip(nest.loops, extents, strict=True)
        return prod(extent for loop, extent in sums if loop.reduces), 1
    rows, after = extents[inner], zip(nest.loops[inner + 1 :], extents[inner + 1 :], strict=True)
    each = prod(extent for loop, extent in after if loop.reduces)
    block = max(1, IN_A_ROW // max(1, each))
    blocks = -(-rows // block)
    of_blocks = min(blocks, BLOCKS) if blocks > 1 else 0
    return min(rows, block) * each + of_blocks, -(-blocks // BLOCKS)


def chain_of_product(kernel: str, geometry: Sequence[int], rows: int, examples: int) -> Chain:
    """The chain of a library kernel; a range in its geometry has so many rows."""

    def extent(at: int) -> int:
        number = geometry[at]
        return examples if number == Extent.EVERY else rows if number < 0 else number

    if product_of(kernel) == "contract_any":
        return _chain_of_any(geometry, extent)
    loops = [LOOPS + LOOP * k for k in range(geometry[LOOP_COUNT])]
    written = [(geometry[k + Y_LOOP], extent(k)) for k in loops if geometry[k + Y_LOOP]]
    after = LOOPS + LOOP * geometry[LOOP_COUNT]
    column = geometry[after + Y_COLUMN] if len(geometry) > after + B_COLUMN else 1
    written += [(geometry[Y_ROW], extent(ROWS)), (column, extent(COLUMNS))]
    again = visits([m for m, n in written if n > 1], [n for _, n in written if n > 1])
    pieces = pieces_of(extent(K1), extent(K2), IN_PIECE)
    pieces *= prod(extent(k) for k in loops if not geometry[k + Y_LOOP])
    most = IN_PANEL if kernel == "contract_dots" else IN_PIECE
    terms = min(extent(K1) * extent(K2), most) + OF_LANES
    if pieces > MOST_PIECES:
        return Chain(terms + OF_PIECES + COMPENSATED, again, again)
    return Chain(terms, pieces * again, again)


def _chain_of_any(geometry: Sequence[int], extent: Callable[[int], int]) -> Chain:
    """The chain of the kernel for any strides, whose sums are all compensated."""
    outputs = [ANY_LOOPS + LOOP * k for k in range(geometry[OUTPUT_LOOPS])]
    after = ANY_LOOPS + LOOP * geometry[OUTPUT_LOOPS]
    terms = prod(extent(after + LOOP * k) for k in range(geometry[SUM_LOOPS]))
    again = visits([geometry[k + Y_LOOP] for k in outputs], map(extent, outputs))
    return Chain(min(terms, IN_PIECE) + COMPENSATED, again, again)


def chain_of_rows(instruction: Instruction, compensated: bool) -> Chain:
    """The chain of a scatter, whose rows may all be added to one place."""
    return Chain(COMPENSATED) if compensated else Chain(0, instruction.geometry[0])
