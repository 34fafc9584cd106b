"""Of syntax errors, those that are causes: what only follows from another is not said.

Bodies, brackets and words are found one after another, so one slip can be met several times: a
stray sign is also a missing layer, a bracket that is not there ends a body too early, and what
stands after that body seems to belong nowhere.  Within one declaration these rules hold.

    on a line       what is misspelt comes before what is wrong with brackets, and that before the
                    grammar
    of brackets     the first that was found
    outside         what stands where only a declaration could counts where nothing else is wrong,
                    and then the first of it
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from enum import IntEnum
from itertools import groupby, pairwise

from gradc_compiler.diagnostics.source import Diagnostic
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.build_tree import Lexeme
from gradc_compiler.syntax.lex.brackets import DECLARATION

FOREIGN = "E0117"  # the code of words of other languages


class Rank(IntEnum):
    """What kind of error it is; a lower one explains a higher."""

    MISSPELT = 0
    BRACKET = 1
    GRAMMAR = 2
    OUTSIDE = 3  # of all declarations


@dataclass(frozen=True, slots=True)
class FoundError:
    """An error, in the order in which they were found."""

    rank: Rank
    diagnostic: Diagnostic

    @property
    def place(self) -> int:
        """Where it is in the text."""
        return self.diagnostic.primary.span.start

    @staticmethod
    def of_brackets(diagnostic: Diagnostic) -> FoundError:
        """A brace that closes nothing ends a body that something else has ended before."""
        stray = diagnostic.primary.span.text == "}"
        return FoundError(Rank.OUTSIDE if stray else Rank.BRACKET, diagnostic)

    @staticmethod
    def of_grammar(diagnostic: Diagnostic, *, outside: bool) -> FoundError:
        """A word of another language is misspelt, and explains what it leads to."""
        if outside:
            return FoundError(Rank.OUTSIDE, diagnostic)
        return FoundError(Rank.MISSPELT if diagnostic.code == FOREIGN else Rank.GRAMMAR, diagnostic)


def causes(found: Iterable[FoundError], words: list[Lexeme]) -> list[Diagnostic]:
    """The errors that do not follow from others, in order of the text."""
    starts = [
        word.span.start for before, word in pairwise(words)
        if before.type == "NL" and (word.type in DECLARATION or at_margin(word))
    ]  # fmt: skip
    of: dict[int, list[FoundError]] = {}
    for one in found:
        of.setdefault(bisect_right(starts, one.place), []).append(one)
    kept = [one for errors in of.values() for one in _of_declaration(errors)]
    return [one.diagnostic for one in sorted(kept, key=lambda one: one.place)]


def at_margin(word: Lexeme) -> bool:
    """Whether a word stands where declarations do, so that it may be one, misspelt."""
    return word.type == "NAME" and word.span.column == 1


def _of_declaration(errors: list[FoundError]) -> list[FoundError]:
    by: dict[Rank, list[FoundError]] = {rank: [] for rank in Rank}
    for one in errors:
        by[one.rank].append(one)
    inside = [*by[Rank.MISSPELT], *by[Rank.BRACKET][:1], *by[Rank.GRAMMAR]]
    outside = sorted(by[Rank.OUTSIDE], key=lambda one: one.place)
    return _first_of_lines(inside) if inside else outside[:1]


def _first_of_lines(errors: list[FoundError]) -> list[FoundError]:
    """On each line, what has the lowest rank."""

    def line(one: FoundError) -> int:
        return one.diagnostic.primary.span.line

    kept: list[FoundError] = []
    for _, group in groupby(sorted(errors, key=lambda one: (line(one), one.rank)), line):
        of_line = list(group)
        kept += [one for one in of_line if one.rank is of_line[0].rank]
    return kept
