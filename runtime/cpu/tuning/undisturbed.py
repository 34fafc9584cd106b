"""Times of calls that had their cores to themselves.

On a machine with other work to do a call on two threads is mostly as slow as the one that waits for
its core.  Threads of a step never sleep (they look at barriers), so one that nobody disturbs uses
the processor for as long as it lasts, times the threads; whatever uses less has waited for a core.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time
from typing import NamedTuple

from gradc_compiler.machine.machine import MACHINE

WHOLE = MACHINE.whole_call


class Timing(NamedTuple):
    """Seconds of a call; `cores` is how many it had, of as many as it has threads."""

    disturbed: bool = True  # first, so that the least is the shortest of those that were not
    seconds: float = float("inf")
    cores: float = 0.0


NEVER = Timing()


def timed(call: Callable[[], object], threads: int) -> Timing:
    """Time one call on so many threads."""
    begin, used = perf_counter(), process_time()
    call()
    seconds, used = perf_counter() - begin, process_time() - used
    return Timing(used < WHOLE * threads * seconds, seconds, used / seconds)
