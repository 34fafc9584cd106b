"""Stopping politely: the first SIGINT, SIGTERM or SIGHUP asks, the second one does not.

One that whoever started this process has ignored, as `nohup` does, stays ignored.

Native code does not see Ctrl-C, but each call of it is short; the trainer looks here between calls.
Before it does, and in all other commands, a signal ends what is going on at once, as Ctrl-C does in
any Python program.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gradc_compiler.records.fast_dataclass import dataclass

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class StopRequest:
    """Whether someone has asked to stop."""

    signal: int | None = None


BEFORE = StopRequest()  # of the whole process; where an exception is lost, as in a callback of C


def interrupt_on_signals() -> None:
    """Let each of the signals raise `KeyboardInterrupt` from now on."""
    for number in WATCHED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def ignore_signals() -> None:
    """Let none of the signals do anything from now on."""
    for number in WATCHED:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    BEFORE.signal = number
    raise KeyboardInterrupt


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Watch for signals inside the block (in the main thread, which alone receives them)."""
    request = StopRequest(BEFORE.signal)
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
