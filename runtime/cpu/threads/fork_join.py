"""Fork and join: give a task to the workers, do this thread's part of it, wait until all are done.

A worker that is awake sees its task within a fraction of a microsecond; one that sleeps is woken by
a number written to its event.  After the join no worker touches the task any more.
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
from gradc_runtime.cpu.codegen.intrinsics import WORDS, address_of, call_kernel, words_at
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.bytecode import WorkerState

SPINS = MACHINE.fork_looks  # before others may have the core
NUMBER = kernel_types.int64
send = word_through("write")


@subroutine(kernel_types.void(WORDS, WORDS, *[NUMBER] * 3))
def fork(mailboxes: Any, pointers: Any, geometry: Any, function: Any, threads: Any) -> None:
    """Write the task into the mailbox of each worker, and wake those that sleep."""
    for helper in range(threads - 1):
        at = helper * bytecode.MAILBOX
        mailboxes[at + bytecode.FUNCTION] = function
        mailboxes[at + bytecode.POINTERS] = address_of(pointers)
        mailboxes[at + bytecode.GEOMETRY] = geometry
        mailboxes[at + bytecode.CORE] = own_core()
        before = atomic_exchange(mailboxes, at + bytecode.STATE, WorkerState.BUSY)
        if before == WorkerState.ASLEEP:
            send(mailboxes[at + bytecode.EVENT])


@subroutine(kernel_types.void(WORDS, NUMBER))
def join(mailboxes: Any, threads: Any) -> None:
    """Wait until no worker is busy."""
    for helper in range(threads - 1):
        state = helper * bytecode.MAILBOX + bytecode.STATE
        spins = 0
        while atomic_load(mailboxes, state) == WorkerState.BUSY:
            spins += 1
            if spins < SPINS:
                pause()
            else:
                yield_core()


def kernel(word: int) -> Any:
    """`lead(mailboxes, pointers, geometry, function, threads)`; numbers of any width.

    Thread n calls `function(pointers, geometry, n, 0, 0)`; the one that calls `lead` is number 0.
    """

    def lead(mailboxes: Any, pointers: Any, geometry: Any, function: Any, threads: Any) -> None:
        fork(mailboxes, pointers, geometry, function, threads)
        call_kernel(function, pointers, words_at(geometry), 0, 0, 0)
        join(mailboxes, threads)

    return lead
