"""Callers of one session take turns: native code writes to one memory.

A lock costs some 0.1 us a call, and one that a thread holds already lets it pass.  In a forked
child nobody is at it any more, whoever was when the process was copied.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import Any
from weakref import WeakSet


class ForkSafeLock:
    """`with turns.lock:` waits until nobody else is at it."""

    def __init__(self) -> None:
        self.lock: Any = RLock()
        _known.add(self)


_known: WeakSet[ForkSafeLock] = WeakSet()


def begin_anew() -> None:
    """Give every lock up."""
    for turns in _known:
        turns.lock = RLock()


os.register_at_fork(after_in_child=begin_anew)
