"""The loop of a worker thread: wait for a task, run it, say that it is done.

It never returns to Python, so it needs no lock of the interpreter.  For a while after a task it
spins, looking at its mailbox for the next; then it sleeps until a number comes through its event.
On the core of the calling thread it would only be in that thread's way: there it sleeps at once,
and counts how often that happens.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.atomics import (
    atomic_cas,
    atomic_load,
    atomic_store,
    own_core,
    pause,
    sleep_us,
    word_through,
    yield_core,
)
from gradc_runtime.cpu.codegen.intrinsics import call_kernel, words_at
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.bytecode import WorkerState

COURTESY = MACHINE.courtesy_looks  # looks at the mailbox, after which others may have the core
WORD = 8  # bytes of the number that comes through an event
NAP = MACHINE.nap_us  # microseconds, where no event tells of orders
receive = word_through("read")


def kernel(word: int) -> Any:
    """`serve(mailbox, any, number of the thread, any, any)`; numbers of any width."""

    def serve(mailbox: Any, unused: Any, number: Any, spare: Any, more: Any) -> None:
        spins = 0
        while True:
            while spins > 0 and atomic_load(mailbox, bytecode.STATE) == WorkerState.IDLE:
                spins -= 1
                if spins % COURTESY == 0:
                    yield_core()
                pause()
            atomic_cas(mailbox, bytecode.STATE, WorkerState.IDLE, WorkerState.ASLEEP)
            while atomic_load(mailbox, bytecode.STATE) == WorkerState.ASLEEP:
                if receive(mailbox[bytecode.EVENT]) != WORD:  # interrupted, or the event is gone
                    sleep_us(NAP)
            pointers = words_at(mailbox[bytecode.POINTERS])
            geometry = words_at(mailbox[bytecode.GEOMETRY])
            crowded = mailbox[bytecode.CORE] == own_core()
            call_kernel(mailbox[bytecode.FUNCTION], pointers, geometry, number, 0, 0)
            spins = 0 if crowded else mailbox[bytecode.SPINS]
            mailbox[bytecode.CROWDED] += 1 if crowded else 0
            atomic_store(mailbox, bytecode.STATE, WorkerState.IDLE)

    return serve
