"""A kernel of barriers and nothing else: it is timed to find out what a barrier takes."""

from __future__ import annotations

from typing import Any

from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.cpu.interpreter.barrier import barrier
from gradc_runtime.cpu.interpreter.bytecode import ALL


def kernel(word: int) -> Any:
    """`meet(control, count, thread, any, any)`: so many barriers; numbers of any width."""

    def meet(control: Any, count: Any, thread: Any, unused: Any, spare: Any) -> None:
        for _ in range(count[0]):
            barrier(control, ALL, thread, control[bytecode.THREADS])

    return meet
