"""The longest chains of additions of an entry at a batch size, cut as the CPU target cuts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradc_compiler.program.entry import Entry, Instruction
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.table import rewrite_for_target
from gradc_compiler.schedule import make_table
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.select.longest_chain import Batch, longest_chains
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.reduction_chunks import chunks_of


def table_of(entry: Entry, offsets: Mapping[str, int]) -> ProgramBuilder:
    """What was scheduled as an entry, before it became one."""
    switches = Switches()
    return make_table(rewrite_for_target(entry.graph, switches), offsets, switches)[0]


def batch_of(entry: Entry, examples: int, length: int) -> Batch:
    """How so many examples are cut, whose sequences all have one length."""
    block = block_of(entry, examples)
    chunks = chunks_of(entry, examples, block)
    blocks = -(-examples // block)
    return Batch(
        examples=examples,
        block=min(block, examples),
        blocks=-(-blocks // chunks),
        chunks=chunks,
        lengths=tuple(t if isinstance(t, int) else length for t in entry.times),
    )


def chains(
    entry: Entry, table: ProgramBuilder, examples: int, length: int = 1
) -> Iterator[tuple[Instruction, int]]:
    """Every instruction and what a term goes through, for a batch of so many."""
    return longest_chains(table, batch_of(entry, examples, length))
