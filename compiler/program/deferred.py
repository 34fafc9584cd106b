"""A part of an entry that is made when somebody first asks for it.

An entry is the same whatever runs it, but a session on one target has no use for the text of
another.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


def ready(value: T) -> Deferred[T]:
    """A part that is there already."""
    return Deferred(lambda: value)


class Deferred(Generic[T]):
    """A value, or the function that makes it, which is dropped once the value is there."""

    __slots__ = ("_lock", "_make", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._lock = Lock()

    @property
    def value(self) -> T:
        """The value; the first who asks makes it, and others wait."""
        with self._lock:
            if self._make is not None:
                self._value = self._make()
                self._make = None
            return self._value
