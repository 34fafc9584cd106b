"""Reading and converting data on a thread of its own, while a training step runs.

One piece waits, one is made and one is used: no more is ever held.  The first piece is made by the
caller: between it and the second the process may be copied (kernels are built in a copy), and a
copy has one thread.  The thread decides only when pieces come, not which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE = 0.1  # seconds between two looks whether anybody still wants more
END = object()


class Prefetched(Generic[T]):
    """The items of an iterator, made in advance."""

    def __init__(self, items: Iterator[T]) -> None:
        self.items = items
        self.queue: Queue[object] = Queue(1)
        self.stopped = Event()
        self.thread: Thread | None = None
        self.begun = self.over = False

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self.over:
            raise StopIteration
        if not self.begun:
            self.begun = True
            return next(self.items)
        if self.thread is None:
            self.thread = Thread(target=self.work, name="gradc data", daemon=True)
            self.thread.start()
        found = self.queue.get()
        if found is END or isinstance(found, BaseException):
            self.over = True
            raise StopIteration if found is END else found  # type: ignore[misc]
        return found  # type: ignore[return-value]

    def work(self) -> None:
        """What the thread does."""
        try:
            for item in self.items:
                if not self.hand_over(item):
                    return
            self.hand_over(END)
        except BaseException as fault:
            self.hand_over(fault)

    def hand_over(self, item: object) -> bool:
        """Wait until there is room for an item; False where nobody wants it any more."""
        while not self.stopped.is_set():
            try:
                self.queue.put(item, timeout=PATIENCE)
            except Full:
                continue
            return True
        return False

    def close(self) -> None:
        """End the thread, whatever it is doing."""
        self.stopped.set()
        self.over = True
        if self.thread is not None:
            with suppress(Empty):
                self.queue.get_nowait()
            self.thread.join()
