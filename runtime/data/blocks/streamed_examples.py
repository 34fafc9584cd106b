"""A data set that is read block by block, each checked as it comes.

A source says how many examples each block has and reads one as `Columns`; all else is made here:
the share held out, the order of an epoch, batches in turn.  It answers as a `Dataset` does, and
what it answers differs in one thing only: the order of an epoch is that of `BlockOrder`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.dataset import as_declared, from_columns, require_type
from gradc_runtime.data.arrays.examples import Epoch, longest_of, of_rows
from gradc_runtime.data.arrays.variation import Variation, Varied
from gradc_runtime.data.blocks.block_order import BLOCKS_MIXED, BlockOrder
from gradc_runtime.data.blocks.cut_pieces import CutPieces
from gradc_runtime.data.blocks.key_range import KeyRange
from gradc_runtime.data.blocks.mixed_blocks import MixedBlocks, Room
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError, SessionError


class Blocks(Protocol):
    """Files in blocks, as a source knows them."""

    origin: str  # for messages
    counts: np.ndarray  # examples of each block
    block: int  # bytes that a block should take in memory

    @property
    def encoding(self) -> Encoding | None:
        """What the numbers of the source's fields stand for."""

    @property
    def variation(self) -> Variation | None:
        """How examples are varied when they are trained on."""

    @property
    def names(self) -> tuple[str, ...] | None:
        """The name of the file that each example lies in, where each has one of its own."""

    @property
    def held_out(self) -> Blocks | None:
        """A test part that the source itself sets apart."""

    def read(self, block: int) -> Columns:
        """The examples of a block.

        Raises `DataError` where they cannot be read.
        """


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """Examples that are read as they are needed."""

    blocks: Blocks
    types: Mapping[str, TensorType]
    dtype: DTypeLike
    rows: KeyRange | None = None  # those of this part
    alphabet: Alphabet | None = None
    named: Any = None  # examples that the spec validates on

    @property
    def name(self) -> str:
        """Where the examples come from, for messages."""
        return self.blocks.origin

    @cached_property
    def held_out(self) -> Any:
        """A test part that the source sets apart, or that the spec names."""
        if self.named is not None:
            return self.named
        part = self.blocks.held_out
        return None if part is None else replace(self, blocks=part)

    @cached_property
    def starts(self) -> np.ndarray:
        """The number, among all examples, of each block's first; at the end, how many there are."""
        return np.concatenate([[0], np.cumsum(self.blocks.counts)])

    @cached_property
    def counts(self) -> np.ndarray:
        """How many examples of each block belong to this part."""
        if self.rows is None:
            return self.blocks.counts
        return np.array([self.mask(block).sum() for block in range(len(self.blocks.counts))])

    @cached_property
    def ends(self) -> np.ndarray:
        """How many examples of this part there are up to the end of each block."""
        return np.cumsum(self.counts)

    @property
    def examples(self) -> int:
        """How many examples this part has."""
        return int(self.ends[-1])

    @cached_property
    def first(self) -> Batches:
        """The first block that has examples of this part, read to check it before anything runs.

        Raises `DataError` where it does not fit the fields.
        """
        return self.read(int(np.flatnonzero(self.counts)[0]))

    def as_declared(self, types: Mapping[str, TensorType], dtype: DTypeLike) -> Streamed:
        """The same examples for another session, which may use another width."""
        for field, type in types.items():
            require_type(field, type, self.types.get(field), self.name)
        named = self.named
        if isinstance(named, Streamed):
            named = named.as_declared(types, dtype)
        elif named is not None:
            named = as_declared(named, types, dtype)
        return replace(self, types=dict(types), dtype=dtype, named=named)

    def look(self) -> None:
        """Read the first block now, to check it.

        Raises `DataError` where it does not fit the fields.
        """
        assert self.first, "a block has fields"

    @property
    def longest(self) -> int:
        """The most elements of a sequence in the first block."""
        return longest_of(self.first.values())

    @property
    def lengths(self) -> Mapping[str, np.ndarray]:
        """The lengths of sequences in the first block."""
        return {n: np.asarray(b) for n, b in self.first.items() if n not in self.types}

    @property
    def order(self) -> str:
        """The name of the order of an epoch: the size of a block, and how examples are varied."""
        told = "" if self.blocks.variation is None else f", {self.blocks.variation.told()}"
        return f"blocks of {self.blocks.block} bytes{told}"

    @property
    def encoding(self) -> Encoding | None:
        """What the numbers of the fields stand for."""
        return self.blocks.encoding

    @property
    def names(self) -> tuple[str, ...] | None:
        """The name of the file that each example lies in, where each has one of its own."""
        return self.blocks.names if self.rows is None else None

    def bytes_each(self, names: Iterable[str]) -> float:
        """How much memory an example's fields take, in the first block."""
        found = [self.first[name] for name in names]
        return sum(batch.nbytes / len(batch) for batch in found)

    def mask(self, block: int) -> np.ndarray:
        """Which examples of a block belong to this part."""
        first, end = map(int, self.starts[block : block + 2])
        return np.ones(end - first, np.bool_) if self.rows is None else self.rows.mask(first, end)

    def read(self, block: int) -> Batches:
        """A block's examples that belong to this part, checked, with their lengths.

        Raises `DataError` where they do not fit the fields, or are others than were counted.
        """
        try:
            data = from_columns(self.types, self.blocks.read(block), self.dtype)
        except (SessionError, MemoryError) as fault:
            raise DataError(f"{self.name}: {fault or 'there is not enough memory'}") from None
        if data.examples != (count := self.blocks.counts[block]):
            raise DataError(f"{data.name}: {data.examples:,} examples where {count:,} were counted")
        found = Batches({**data.arrays, **data.lengths})
        return found if self.rows is None else of_rows(found, np.flatnonzero(self.mask(block)))

    def take(self, rows: slice, names: Iterable[str] | None = None) -> Batches:
        """The given examples, read from the blocks that hold them."""
        start, stop, step = rows.indices(self.examples)
        if stop <= start:
            return of_rows(self.fields(self.first, names), slice(0))
        block = int(np.searchsorted(self.ends, start, side="right"))
        places = CutPieces(self.blocks_from(block), int(self.ends[block] - self.counts[block]))
        try:
            return of_rows(self.fields(places.take(start, stop), names), slice(None, None, step))
        finally:
            places.close()

    def in_turn(self, at_once: int) -> Iterator[Batches]:
        """All examples in the order in which they are stored, `at_once` at a time."""
        places = CutPieces(self.blocks_from(0), 0)
        try:
            for start in range(0, self.examples, at_once):
                yield places.take(start, min(start + at_once, self.examples))
        finally:
            places.close()

    def blocks_from(self, first: int) -> Iterator[MixedBlocks]:
        """The blocks in the order in which they are stored."""
        for block in range(first, len(self.counts)):
            if self.counts[block]:
                yield MixedBlocks(self.read(block))

    def epoch(self, seed: int, number: int, start: int, names: Iterable[str]) -> Epoch:
        """The examples in the order of an epoch, from the window on that a place of it is in."""
        order = BlockOrder(counts=self.counts, window=self.window, seed=seed, epoch=number)
        window = order.window_at(start)
        room = Room(order.largest)
        windows = self.windows(order, window, list(names), room)
        found = CutPieces(windows, int(order.starts[window]), room.take_back)
        variation = self.blocks.variation
        return found if variation is None else Varied(found, variation, seed, number)

    @cached_property
    def window(self) -> int:
        """How many blocks are shuffled together: what 64 of the size asked for would take."""
        words = self.bytes_each(self.types) / np.dtype(self.dtype).itemsize
        largest = max(1, int(self.counts.max() * words) * 4)  # of any width the same
        return max(1, BLOCKS_MIXED * self.blocks.block // largest)

    def windows(
        self, order: BlockOrder, first: int, names: list[str], room: Room
    ) -> Iterator[MixedBlocks]:
        """The examples of one window after another."""
        for window in range(first, len(order.starts)):
            blocks = [b for b in order.blocks_of(window).tolist() if self.counts[b]]
            if blocks:
                parts = (self.fields(self.read(block), names) for block in blocks)
                yield room.mixed(parts, order.within(window))

    def fields(self, found: Batches, names: Iterable[str] | None) -> Batches:
        """The named fields (all fields, if None) of a batch, and the lengths."""
        wanted = set(self.types if names is None else names)
        kept = {n: batch for n, batch in found.items() if n in wanted or n not in self.types}
        return Batches(kept)

    def part(self, seed: int, start: int, stop: int) -> Streamed:
        """The same part that a set in memory would give."""
        return replace(self, rows=KeyRange.of(int(self.blocks.counts.sum()), start, stop, seed))
