"""A free list: words are taken and given back, so that short-lived values share them."""

from __future__ import annotations


def whole(grain: int, words: int) -> int:
    """At least so many words, a multiple of the grain."""
    return -(-words // grain) * grain


class FreeList:
    """First-fit allocation of words, counted per row (an example or an element of a sequence)."""

    def __init__(self) -> None:
        self.top = 0
        self.holes: list[tuple[int, int]] = []

    def take(self, words: int) -> int:
        """The start of the first hole with so many words, or of new words at the top."""
        for k, (start, length) in enumerate(self.holes):
            if length >= words:
                self.holes[k : k + 1] = [(start + words, length - words)] if length > words else []
                return start
        start, self.top = self.top, self.top + words
        return start

    def give(self, start: int, words: int) -> None:
        """Give back words [start, start + words); neighbouring holes become one."""
        holes = sorted([*self.holes, (start, words)])
        self.holes = []
        for begin, length in holes:
            if self.holes and sum(self.holes[-1]) == begin:
                self.holes[-1] = (self.holes[-1][0], self.holes[-1][1] + length)
            else:
                self.holes.append((begin, length))
