"""One piece of work on several threads: give the helpers their orders, do one's own part, wait.

A helper that is awake takes its orders within a fraction of a microsecond; one that sleeps is sent
a number.  When this returns no helper touches the work any more.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu import layout
from runtime.cpu.intrinsics import address_of, call_kernel, words_at
from runtime.cpu.waiting import (
    atomic_exchange,
    atomic_load,
    give_way,
    own_core,
    pause,
    word_through,
)

SPINS = 200  # before others may have the core
send = word_through("write")


def kernel(word: int) -> Any:
    """`lead(mailboxes, pointers, geometry, function, threads)`; numbers of any width.

    Thread n calls `function(pointers, geometry, n, 0, 0)`; this one is number 0.
    """

    def lead(mailboxes: Any, pointers: Any, geometry: Any, function: Any, threads: Any) -> None:
        for helper in range(threads - 1):
            at = helper * layout.MAILBOX
            mailboxes[at + layout.FUNCTION] = function
            mailboxes[at + layout.POINTERS] = address_of(pointers)
            mailboxes[at + layout.GEOMETRY] = geometry
            mailboxes[at + layout.CORE] = own_core()
            if atomic_exchange(mailboxes, at + layout.STATE, layout.BUSY) == layout.ASLEEP:
                send(mailboxes[at + layout.EVENT])
        call_kernel(function, pointers, words_at(geometry), 0, 0, 0)
        for helper in range(threads - 1):
            spins = 0
            while atomic_load(mailboxes, helper * layout.MAILBOX + layout.STATE) == layout.BUSY:
                spins += 1
                if spins < SPINS:
                    pause()
                else:
                    give_way()

    return lead
