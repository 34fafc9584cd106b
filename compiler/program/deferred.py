"""A part of an entry that is made when somebody first asks for it.

An entry serves every target.  A session runs on one, and has no use for the kernel text of the
others: so that text is made when it is first read.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


def ready(value: T) -> Deferred[T]:
    """Wrap a value that has been made already."""
    return Deferred(lambda: value)


class Deferred(Generic[T]):
    """A value, or the function that makes it, which is dropped once the value is there."""

    __slots__ = ("_lock", "_make", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._lock = Lock()

    @property
    def value(self) -> T:
        """The value.  The first thread that asks makes it; other threads wait."""
        with self._lock:
            if self._make is not None:
                self._value = self._make()
                self._make = None
            return self._value
