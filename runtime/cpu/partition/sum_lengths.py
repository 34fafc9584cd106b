"""Which products of an entry may add to a number very often: their sums are compensated.

How often a product adds to a number follows from its geometry, and from how many rows a block, a
sequence or a serial stage has; so it is known when a batch is laid out.  The kernel for such
products counts again in each call, because the last block of a batch may have fewer rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradc_compiler.machine.addition_chains import IN_PIECE, MOST_PIECES
from gradc_compiler.program.entry import Entry, Instruction, Kernel, Phase
from gradc_compiler.program.kernel_abi import (
    COMPENSATED,
    K1,
    PRODUCTS,
    number_for,
    pieces_of_product,
    product_of,
)
from gradc_runtime.cpu.partition.segments import cut_of


def long_products(entry: Entry, examples: int, block: int, room: Sequence[int]) -> set[int]:
    """The `id` of each instruction that may add up more terms than a plain sum is accurate for."""
    cut = cut_of(entry, examples, block)
    return {
        id(item)
        for phase in entry.phases
        for item, rows in rows_of(phase, min(examples, cut.of(phase).block), room)
        if product_of(entry.kernels[item.kernel].name) in PRODUCTS
        and may_be_long([number_for(n, examples) for n in item.geometry], rows)
    }


def with_compensated_sums(entry: Entry, examples: int, block: int, room: Sequence[int]) -> Entry:
    """The entry, with a compensated kernel for each product that may need it; the same entry, if
    none does.

    `room` has the most rows of each time that a block may have.
    """
    found = long_products(entry, examples, block, room)
    if not found:
        return entry
    kernels: dict[Kernel, int] = {}

    def placed(item: Instruction) -> Instruction:
        kernel = entry.kernels[item.kernel]
        if id(item) in found:
            kernel = Kernel(kernel.name + COMPENSATED)
        return replace(item, kernel=kernels.setdefault(kernel, len(kernels)))

    phases = [
        replace(phase, instructions=tuple(map(placed, phase.instructions)))
        for phase in entry.phases
    ]
    return replace(entry, phases=tuple(phases), kernels=tuple(kernels))


def rows_of(phase: Phase, examples: int, room: Sequence[int]) -> Iterator[tuple[Instruction, int]]:
    """The instructions of a stage with the most rows for which each is called."""
    for item in phase.instructions:
        if not phase.examples:
            yield item, item.extent
        else:
            yield item, examples if item.time is None else room[item.time]


def may_be_long(geometry: Sequence[int], rows: int) -> bool:
    """Whether a number of the result may be added to more than MOST_PIECES times.

    Fewer rows never mean more pieces, with one exception: if rows are the terms of a sum and change
    places with a longer loop (`runtime/cpu/gemm/small_batch.py`), there may be up to twice as many.
    """
    exchanged = 2 if geometry[K1] < 0 else 1
    return exchanged * pieces_of_product(geometry, rows, IN_PIECE) > MOST_PIECES
