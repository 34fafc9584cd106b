"""Words of memory as a whole step knows them, and that it may not be worth a kernel of its own."""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass


class NotApplicable(Exception):
    """An entry is not worth writing out, or cannot be."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word `inner` words into a storage; `index`: it is a whole number."""

    operand: Operand
    index: bool
    inner: int

    @property
    def word(self) -> tuple[int, int]:
        """The space, and the word in it: of one example, where each has its own."""
        return self.operand.space, self.operand.offset + self.inner

    @property
    def varying(self) -> bool:
        """Whether each example has its own."""
        return self.operand.space == Space.BLOCK or self.operand.space >= Space.ARRAY

    def moved(self, words: int) -> Word:
        """The word so many words on."""
        return replace(self, inner=self.inner + words)


@dataclass(frozen=True, slots=True)
class Words:
    """Words [first, first + reach] of a space."""

    space: int
    first: int
    reach: int

    def has(self, word: tuple[int, int]) -> bool:
        """Whether a word is one of them."""
        return word[0] == self.space and self.first <= word[1] <= self.first + self.reach
