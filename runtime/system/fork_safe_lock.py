"""A re-entrant lock that is created anew in a forked child.

Native code writes to the memory of its session, so only one thread may call a session at a time.
The lock is re-entrant because a session's calls call one another; taking it costs about 0.1 us.
When a process is forked while another thread holds the lock, that thread does not exist in the
child, and the child's copy of the lock would never be released.  So a child begins with new locks.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import Any
from weakref import WeakSet


class ForkSafeLock:
    """`with session_lock.lock:` waits until no other thread holds it."""

    def __init__(self) -> None:
        self.lock: Any = RLock()
        _known.add(self)


_known: WeakSet[ForkSafeLock] = WeakSet()


def begin_anew() -> None:
    """Replace every lock by a new one that nobody holds."""
    for known in _known:
        known.lock = RLock()


os.register_at_fork(after_in_child=begin_anew)
