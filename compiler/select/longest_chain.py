"""The longest chain of additions behind each instruction of a table, for a given cut of a batch.

Rounding errors grow with its length (Note [How long a chain of additions is] in
`compiler/machine/addition_chains.py`).  If a sum adds up the results of other sums, as over chunks
or after `split_long_sums.py`, their chains count together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from gradc_compiler.fusion.stages import Stage
from gradc_compiler.loops.chain_lengths import (
    Chain,
    chain_of,
    chain_of_product,
    chain_of_rows,
)
from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.machine.addition_chains import COMPENSATED, IN_A_ROW, MOST_CHUNKS
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing import cpu_gather
from gradc_compiler.printing.row_kernel_table import BY_SOURCE
from gradc_compiler.printing.row_kernels import lengths_of
from gradc_compiler.program.entry import Instruction, Operand, Space
from gradc_compiler.program.kernel_abi import product_of
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.select.builder import ProgramBuilder

LIBRARY = ("contract_rows", "contract_lanes", "contract_dots", "contract_any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How a batch is cut, and how long its longest sequence of each time is, by the time's
    number.
    """

    examples: int
    block: int
    blocks: int  # of the largest chunk
    chunks: int
    lengths: tuple[int, ...] = ()

    def rows(self, time: int | None) -> tuple[int, int]:
        """The most rows of a block, and of one example."""
        longest = 1 if time is None else self.lengths[time]
        return self.block * longest, longest


def largest_block(table: ProgramBuilder) -> int:
    """The most examples of a block for which no kernel adds up too many of them one by one."""
    kernels = list(table.kernels)
    phases = (items for key, items in table.instructions.items() if key.examples)
    partial = (
        item for items in phases for item in items
        if product_of(kernels[item.kernel].name) not in LIBRARY
        and any(o.space == Space.PARTIAL for o in item.operands)
    )  # fmt: skip
    added = max((item.added for item in partial), default=0)
    return max(1, IN_A_ROW // added) if added else MACHINE.most_tuned_block


def longest_chains(table: ProgramBuilder, batch: Batch) -> Iterator[tuple[Instruction, int]]:
    """Every instruction, with the most additions that a term has gone through after it."""
    walk = _Walk(table, batch)
    for key in sorted(table.instructions):
        items = zip(table.instructions[key], table.nests[key], strict=True)
        for item, nest in items:
            yield item, walk.passed(key, item, nest if nest.affine else None)
        if key.examples:
            walk.add_chunks()


@dataclass
class _Walk:
    """Goes through a table, and remembers for each buffer of sums how many additions their terms
    have gone through.
    """

    table: ProgramBuilder
    batch: Batch
    depth: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kernels = list(self.table.kernels)

    def passed(self, key: Stage, item: Instruction, nest: LoopNest | None) -> int:
        """The most additions that a term has gone through after an instruction."""
        chain = self.chain(key, item, nest)
        written = [item.operands[-1]]
        if nest is not None:
            written = [self.table.operand(access, True) for _, access, _ in nest.stores]
        blocks = self.batch.blocks if written[-1].space == Space.PARTIAL else 1
        length = chain.inside + chain.added * blocks
        product = product_of(self.kernels[item.kernel].name) in LIBRARY
        if length and nest is not None and not nest.statements:
            loads = (self.table.operand(access) for _, access in nest.loads)
            length += max((self.depth.get(_place(o), 0) for o in loads), default=0)
        self.depth |= {_place(o): 0 if product else length for o in written}
        return length

    def chain(self, key: Stage, item: Instruction, nest: LoopNest | None) -> Chain:
        """The chain of an instruction by itself, on a block or (in a serial stage) once."""
        rows, longest = self.batch.rows(item.time)
        rows = rows if key.examples else item.extent
        kernel = self.kernels[item.kernel]
        if product_of(kernel.name) in LIBRARY:
            return chain_of_product(kernel.name, item.geometry, rows, self.batch.examples)
        if nest is not None:
            return chain_of(nest, rows, longest)
        if kernel.source in BY_SOURCE:
            return BY_SOURCE[kernel.source].chain(lengths_of(item.geometry))
        scatters = kernel.source in (cpu_gather.SCATTER, cpu_gather.SCATTER_PAIR)
        return (
            chain_of_rows(item, kernel.source == cpu_gather.SCATTER_PAIR) if scatters else Chain()
        )

    def add_chunks(self) -> None:
        """Count the sums over chunks, at the end of a batch stage."""
        memory = self.table.memory
        count = self.batch.chunks
        of_chunks = min(count, MOST_CHUNKS) + (COMPENSATED if count > MOST_CHUNKS else 0)
        for key, partial in memory.partial.items():
            if _place(partial) in self.depth:
                target = _place(memory.operands[key])
                self.depth[target] = self.depth[_place(partial)] + of_chunks


def _place(operand: Operand) -> tuple[int, int]:
    return operand.space, operand.offset
