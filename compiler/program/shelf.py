"""Where entries are kept between runs, if there is such a place.

To schedule an entry takes most of the start of a large network, and gives the same table each time.
The compiler knows no files: whoever runs programs may name a module with a place (`use`), which is
imported when the first entry is looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Shelf(Protocol):
    """Keeps texts, each under the fact that it follows from and the version of the compiler."""

    def find(self, fact: str) -> str | None:
        """The text that was kept for a fact; None where there is none that can be trusted."""

    def keep(self, fact: str, text: str, about: str) -> None:
        """Keep a text; `about` is for people."""

    def refuse(self, fact: str) -> None:
        """Warn that the text kept for a fact is no entry, so that the entry is made anew."""


Opener = Callable[[], Shelf | None]
_openers: list[Opener] = []  # one at most


def use(*openers: Opener) -> None:
    """Keep entries on the shelf that the opener returns; without an opener, nowhere."""
    _openers[:] = openers


def shelf() -> Shelf | None:
    """The shelf in use, if there is one."""
    return _openers[0]() if _openers else None
