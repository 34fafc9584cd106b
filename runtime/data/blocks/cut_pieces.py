"""A sequence of pieces, read from front to back in ranges other than those pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import end_to_end
from gradc_runtime.data.blocks.mixed_blocks import MixedBlocks
from gradc_runtime.data.blocks.prefetched import Prefetched


class CutPieces:
    """Examples by their place in the sequence of all pieces."""

    def __init__(
        self,
        pieces: Iterator[MixedBlocks],
        first: int,
        done: Callable[[MixedBlocks], None] = lambda piece: None,
    ) -> None:
        self.pieces, self.done = Prefetched(pieces), done
        self.begin = self.end = first  # the places of what is held
        self.held: list[MixedBlocks] = []

    def take(self, start: int, stop: int) -> Batches:
        """The examples at these places; `start` is never before that of an earlier call."""
        while self.end < stop:
            piece = next(self.pieces)
            self.held.append(piece)
            self.end += len(piece)
            self.drop(start)
        self.drop(start)
        found, begin = [], self.begin
        for piece in self.held:
            if begin < stop:
                found.append(piece.between(max(start - begin, 0), stop - begin))
            begin += len(piece)
        return end_to_end(found)

    def drop(self, start: int) -> None:
        """Forget the pieces that end at the place `start` or before it."""
        while len(self.held) > 1 and self.begin + len(self.held[0]) <= start:
            piece = self.held.pop(0)
            self.begin += len(piece)
            self.done(piece)

    def close(self) -> None:
        """Stop making pieces, and forget those that are held."""
        self.pieces.close()
        self.held.clear()
