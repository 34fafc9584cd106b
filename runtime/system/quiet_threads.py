"""Threads that only move a display: they do not keep a process from being copied.

A copy (`os.fork`) has one thread, and a lock that another held at that moment stays shut in it.
The thread of a progress bar holds none but those of the bar, which a copy that builds kernels or
tries them never asks for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakSet

QUIET: WeakSet[threading.Thread] = WeakSet()


def start_quietly(start: Callable[[], object]) -> None:
    """Start a display, and remember the threads that it starts."""
    before = {*threading.enumerate()}
    start()
    QUIET.update({*threading.enumerate()} - before)
