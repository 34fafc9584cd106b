"""Words of memory as a whole step knows them; and the exception that says a step is to be no kernel
of its own.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.records.fast_dataclass import dataclass


class NotApplicable(Exception):
    """A step cannot be a single kernel, or is not worth one."""


@dataclass(frozen=True, slots=True)
class Word:
    """The word that lies `inner` words behind the start of a storage; with `index` it is a whole
    number.
    """

    operand: Operand
    index: bool
    inner: int

    @property
    def word(self) -> tuple[int, int]:
        """The space and the place of the word in it; if each example has its own, of one
        example.
        """
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
