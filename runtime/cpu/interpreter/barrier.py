"""A barrier between the threads of a step or of a team: the last to arrive opens it for the others.

A waiting thread looks at a counter again and again (it *spins*), because it mostly waits for less
time than the operating system takes to put it to sleep and wake it.  After a number of looks it
offers its core to other threads between looks, since one of them may be the one that it waits for.
If there are more threads than cores, it does so from the first look on.

Threads that count up one word do so one after another, which takes long if they are many.  So many
threads arrive in groups, each with a word of its own.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.machine import MACHINE
from gradc_runtime.cpu.codegen.atomics import (
    atomic_add,
    atomic_load,
    atomic_store,
    pause,
    yield_core,
)
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.interpreter.bytecode import (
    ARRIVED,
    CHUNK_COUNTER,
    GENERATION,
    LINE,
    LOOKS,
    MOST_GROUPS,
    OF_GROUPS,
)

NUMBER = kernel_types.int64
GROUP = MACHINE.barrier_group


@subroutine(NUMBER(WORDS, *[NUMBER] * 3))
def is_last(control: Any, at: Any, thread: Any, threads: Any) -> Any:
    """Arrive at a barrier; 1 if this thread is the last of all to arrive, else 0.

    Many threads count up the word of their group; the last of a group then counts up the word of
    all groups.
    """
    if threads > GROUP:
        size = max(GROUP, (threads + MOST_GROUPS - 1) // MOST_GROUPS)
        group = thread // size
        place = at + OF_GROUPS + LINE * group
        if atomic_add(control, place, 1) < min(size, threads - size * group) - 1:
            return 0
        atomic_store(control, place, 0)
        threads = (threads + size - 1) // size
    return 1 if atomic_add(control, at + ARRIVED, 1) == threads - 1 else 0


@subroutine(kernel_types.void(WORDS, *[NUMBER] * 3), stands_alone=True)
def barrier(control: Any, at: Any, thread: Any, threads: Any) -> None:
    """Return when all threads have called this; `at` is where their words are."""
    if threads == 1:
        return
    generation = atomic_load(control, at + GENERATION)
    if is_last(control, at, thread, threads) != 0:
        atomic_store(control, at + ARRIVED, 0)
        atomic_store(control, at + CHUNK_COUNTER, 0)
        atomic_store(control, at + GENERATION, generation + 1)
        return
    looks = control[LOOKS]
    while atomic_load(control, at + GENERATION) == generation:
        if looks > 0:
            looks -= 1
            pause()
        else:
            yield_core()
