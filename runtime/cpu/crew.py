"""Threads that enter native code together.

Plain Python threads: native code runs without the interpreter's lock, and a daemon thread that
sleeps in a queue costs nothing and survives no fork.  They start when first needed, and again in a
forked child, and end when their crew is garbage.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

Task = Callable[[], None]


def work(tasks: SimpleQueue[Task | None], done: SimpleQueue[None]) -> None:
    """A helper's life: do what arrives, until None does."""
    while (task := tasks.get()) is not None:
        task()
        done.put(None)


def dismiss(inboxes: list[SimpleQueue[Task | None]]) -> None:
    """Let the helpers end."""
    for inbox in inboxes:
        inbox.put(None)


class Crew:
    """Up to `size` threads, the caller among them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._process = -1
        self._inboxes: list[SimpleQueue[Task | None]] = []
        self._done: SimpleQueue[None] = SimpleQueue()

    def _start(self) -> None:
        self._process = os.getpid()
        self._done = SimpleQueue()
        self._inboxes = [SimpleQueue() for _ in range(self.size - 1)]
        for inbox in self._inboxes:
            threading.Thread(target=work, args=(inbox, self._done), daemon=True).start()
        weakref.finalize(self, dismiss, self._inboxes).atexit = False

    def run(self, task: Callable[[int], None], threads: int) -> None:
        """Run task(0) here and task(1) ... task(threads - 1) on helpers; wait for all."""
        if threads > 1 and self._process != os.getpid():
            self._start()
        for number in range(1, threads):
            self._inboxes[number - 1].put(partial(task, number))
        interrupt: BaseException | None = None
        try:
            task(0)
        except KeyboardInterrupt as error:
            interrupt = error
        for _ in range(1, threads):
            interrupt = self._wait() or interrupt
        if interrupt is not None:
            raise interrupt

    def _wait(self) -> BaseException | None:
        """Wait for one helper; an interrupt must not leave it at work on memory that goes away."""
        interrupt = None
        while True:
            try:
                self._done.get()
            except KeyboardInterrupt as error:
                interrupt = error
            else:
                return interrupt
