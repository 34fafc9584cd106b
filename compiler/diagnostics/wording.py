"""English in messages: the article before a word that is not known beforehand; lists."""

from __future__ import annotations

from collections.abc import Iterable

SPOKEN_YOU = ("uni", "uint", "use", "ufunc")  # begin with a consonant when they are spoken


def article(word: str) -> str:
    """A word with `a` or `an` before it."""
    vowel = word[:1].lower() in tuple("aeiou") and not word.lower().startswith(SPOKEN_YOU)
    return f"{'an' if vowel else 'a'} {word}"


def a_kind(value: object) -> str:
    """The type of a value with its article, such as `an int`."""
    return article(type(value).__name__)


def any_of(words: Iterable[str]) -> str:
    """Words of which one is meant: `float32, tf32 or bf16`."""
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last
