"""The loops within a row along which threads may divide a generated kernel.

A block may have fewer examples (large images, long sequences) than threads work on it; then its
instructions are cut within an example.  Extents and strides are arguments of a kernel, so a share
is the same kernel with a smaller extent and operands that begin later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import TypeVar

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.writes_apart import writes_apart
from gradc_compiler.printing.cpu_printer import CpuKernelText
from gradc_compiler.program.inner_cut import InnerCut
from gradc_compiler.program.kernel_abi import MOST_NUMBERS, Extent

T = TypeVar("T")
MANY = -Extent.EVERY  # rows: more than any batch has


def inner_cuts(nest: LoopNest, text: CpuKernelText) -> tuple[InnerCut, ...]:
    """The loops of a nest whose iterations write different words, outermost first."""
    if nest.positional or not nest.affine or nest.walk or len(text.geometry) > MOST_NUMBERS:
        return ()
    if not _reads_what_it_writes(nest):
        return ()
    return tuple(_cuts(nest, text))


def _cuts(nest: LoopNest, text: CpuKernelText) -> Iterator[InnerCut]:
    for level, loop in enumerate(nest.loops):
        place = text.extents.get(level)
        if loop.reduces or loop.masked or place is None or not _apart(nest, level):
            continue
        by_row = loop.over_rows
        moves = () if by_row else _moves(nest, text, level)
        if moves is not None:
            inner = prod(one.extent for one in nest.loops[level + 1 :] if not one.over_rows)
            extent = loop.scale if by_row else loop.extent
            yield InnerCut(place=place, extent=extent, inner=inner, by_row=by_row, moves=moves)


def _apart(nest: LoopNest, level: int) -> bool:
    """Whether no two iterations of a loop write the same word, in one row or in two."""

    def first(items: Sequence[T]) -> tuple[T, ...]:
        return (items[level], *items[:level], *items[level + 1 :])

    loops = [
        replace(loop, extent=MANY * loop.scale) if loop.over_rows else loop for loop in nest.loops
    ]
    stores = tuple(
        (value, replace(access, moves=first(access.moves)), store)
        for value, access, store in nest.stores
    )
    return writes_apart(replace(nest, loops=first(loops), stores=stores))


def _moves(nest: LoopNest, text: CpuKernelText, level: int) -> tuple[int, ...] | None:
    """The words by which an iteration moves each operand; None if an operand has several places
    that it moves by different numbers.
    """
    found = []
    for pointer in text.pointers:
        same = (pointer.storage, pointer.offset, pointer.index, pointer.row)
        moves = {
            access.moves[level]
            for access in nest.accesses()
            if (access.storage, access.offset, access.index, access.row) == same
        }
        if len(moves) != 1:
            return None
        found.append(moves.pop())
    return tuple(found)


def _reads_what_it_writes(nest: LoopNest) -> bool:
    """Whether a nest reads each buffer that it also writes only at the element that it is about to
    write.
    """
    stored = {access.storage: access for _, access, _ in nest.stores}
    return all(
        (access.offset, access.moves, access.row)
        == (stored[access.storage].offset, stored[access.storage].moves, None)
        for _, access in nest.loads
        if access.storage in stored
    )
