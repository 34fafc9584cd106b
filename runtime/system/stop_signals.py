"""Stopping politely: the first SIGINT, SIGTERM or SIGHUP asks, the second one does not.

One that whoever started this process has ignored, as `nohup` does, stays ignored.

Native code does not see Ctrl-C, but each call of it is short; the trainer looks here between calls.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class StopRequest:
    """Whether someone has asked to stop."""

    signal: int | None = None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Watch for signals inside the block (in the main thread, which alone receives them)."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    handlers = {number: signal.getsignal(number) for number in WATCHED}
    before = {n: handler for n, handler in handlers.items() if handler is not signal.SIG_IGN}

    def ask(number: int, frame: FrameType | None) -> None:
        request.signal = number
        restore()  # the next one acts at once

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        restore()
