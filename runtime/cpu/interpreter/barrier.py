"""A barrier between the threads of a step: the last to arrive opens it for the others.

A waiting thread looks at a counter again and again (it *spins*): what it waits for is mostly over
sooner than the operating system could put the thread to sleep and wake it.  After LOOKS looks it
offers its core to other threads between looks, in case one of them is what it waits for.
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
from gradc_runtime.cpu.interpreter.bytecode import ARRIVED, CHUNK_COUNTER, GENERATION

LOOKS = MACHINE.barrier_looks  # about 15 microseconds


@subroutine(kernel_types.void(WORDS, kernel_types.int64))
def barrier(control: Any, threads: Any) -> None:
    """Return when all threads have called this."""
    if threads == 1:
        return
    generation = atomic_load(control, GENERATION)
    if atomic_add(control, ARRIVED, 1) == threads - 1:
        atomic_store(control, ARRIVED, 0)
        atomic_store(control, CHUNK_COUNTER, 0)
        atomic_store(control, GENERATION, generation + 1)
        return
    looks = 0
    while atomic_load(control, GENERATION) == generation:
        looks += 1
        pause()
        if looks > LOOKS:
            yield_core()
