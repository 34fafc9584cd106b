"""Distinct names in readable source, each close to the author's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class DistinctNames:
    """Gives names; `identifier` makes of any text what the language allows."""

    def __init__(self, taken: Iterable[str], identifier: Callable[[str], str]) -> None:
        self._taken, self._identifier = set(taken), identifier

    def take(self, text: str) -> str:
        """A name that nothing has so far."""
        name = plain = self._identifier(text)
        count = 1
        while name in self._taken:
            count += 1
            name = f"{plain}_{count}"
        self._taken.add(name)
        return name
