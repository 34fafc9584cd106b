"""A barrier between the threads of a step or of a team: the last to arrive opens it for the others.

A waiting thread looks at a counter again and again (it *spins*): what it waits for is mostly over
sooner than the operating system could put the thread to sleep and wake it.  After so many looks it
offers its core to other threads between looks, in case one of them is what it waits for; at once,
where there are more threads than cores.
"""

from __future__ import annotations

from typing import Any

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
from gradc_runtime.cpu.interpreter.bytecode import ARRIVED, CHUNK_COUNTER, GENERATION, LOOKS

NUMBER = kernel_types.int64


@subroutine(kernel_types.void(WORDS, NUMBER, NUMBER))
def barrier(control: Any, at: Any, threads: Any) -> None:
    """Return when all threads have called this; `at` is where their words are."""
    if threads == 1:
        return
    generation = atomic_load(control, at + GENERATION)
    if atomic_add(control, at + ARRIVED, 1) == threads - 1:
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
