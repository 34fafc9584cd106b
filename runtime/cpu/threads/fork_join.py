"""Fork and join: give the workers a task, do one's own part of it, wait until all are done.

A worker that is awake sees its task within a fraction of a microsecond; one that sleeps is woken by
a number sent to its event.  When this returns, no worker touches the task any more.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.atomics import (
    atomic_exchange,
    atomic_load,
    own_core,
    pause,
    word_through,
    yield_core,
)
from gradc_runtime.cpu.codegen.intrinsics import address_of, call_kernel, words_at
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.bytecode import WorkerState

SPINS = MACHINE.fork_looks  # before others may have the core
send = word_through("write")


def kernel(word: int) -> Any:
    """`lead(mailboxes, pointers, geometry, function, threads)`; numbers of any width.

    Thread n calls `function(pointers, geometry, n, 0, 0)`; this one is number 0.
    """

    def lead(mailboxes: Any, pointers: Any, geometry: Any, function: Any, threads: Any) -> None:
        for helper in range(threads - 1):
            at = helper * bytecode.MAILBOX
            mailboxes[at + bytecode.FUNCTION] = function
            mailboxes[at + bytecode.POINTERS] = address_of(pointers)
            mailboxes[at + bytecode.GEOMETRY] = geometry
            mailboxes[at + bytecode.CORE] = own_core()
            if (
                atomic_exchange(mailboxes, at + bytecode.STATE, WorkerState.BUSY)
                == WorkerState.ASLEEP
            ):
                send(mailboxes[at + bytecode.EVENT])
        call_kernel(function, pointers, words_at(geometry), 0, 0, 0)
        for helper in range(threads - 1):
            spins = 0
            while (
                atomic_load(mailboxes, helper * bytecode.MAILBOX + bytecode.STATE)
                == WorkerState.BUSY
            ):
                spins += 1
                if spins < SPINS:
                    pause()
                else:
                    yield_core()

    return lead
