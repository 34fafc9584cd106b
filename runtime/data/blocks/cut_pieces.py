"""Pieces that come one after another, asked for in other pieces, from front to back."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.graph.ragged import Batch
from gradc_runtime.data.arrays.examples import Batches, end_to_end, of_rows
from gradc_runtime.data.blocks.prefetched import Prefetched


class CutPieces:
    """Examples by their place in the sequence of all pieces."""

    def __init__(self, pieces: Iterator[Batches], first: int) -> None:
        self.pieces = Prefetched(pieces)
        self.begin = self.end = first  # the places of what is held
        self.held: list[Batches] = []

    def take(self, start: int, stop: int) -> Batches:
        """Those at some places, none of them before those of an earlier call."""
        while self.end < stop:
            piece = next(self.pieces)
            self.held.append(piece)
            self.end += count_of(piece)
            self.drop(start)
        self.drop(start)
        found, begin = [], self.begin
        for piece in self.held:
            if begin < stop:
                found.append(of_rows(piece, slice(max(start - begin, 0), stop - begin)))
            begin += count_of(piece)
        return end_to_end(found)

    def drop(self, start: int) -> None:
        """Forget the pieces that end at a place or before it."""
        while len(self.held) > 1 and self.begin + count_of(self.held[0]) <= start:
            self.begin += count_of(self.held.pop(0))

    def close(self) -> None:
        """Nothing more is wanted."""
        self.pieces.close()
        self.held.clear()


def count_of(piece: Batches) -> int:
    """How many examples."""
    first: Batch = next(iter(piece.values()))
    return len(first)
