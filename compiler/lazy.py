"""Values that are made when first asked for: a spec has more entries than one run needs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

V = TypeVar("V")


@contextmanager
def collected_later() -> Iterator[None]:
    """Let no cycles be looked for meanwhile.

    A stage makes hundreds of thousands of objects that all live until it ends, and hardly a cycle;
    the collector would go through them again and again, for a quarter of the time.  What was made
    counts as old then, or the collector would go through all of it as soon as it may.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # else `unfreeze` would undo what somebody froze
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class Lazy(Mapping[str, V]):
    """A mapping over known keys, whose values are made when first asked for."""

    def __init__(self, keys: Iterable[str], make: Callable[[str], V]) -> None:
        self._keys, self._make, self._made = dict.fromkeys(keys), make, dict[str, V]()

    def __getitem__(self, key: str) -> V:
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._made:
            with collected_later():
                self._made[key] = self._make(key)
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
