"""Barriers in serial stages: where the threads that divide instructions wait for one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.program.entry import Instruction, consumers


def with_barriers(instructions: Sequence[Instruction]) -> tuple[Instruction, ...]:
    """Keep a barrier only before an instruction that touches words used since the last barrier.

    Words are compared by whole operands, and any operand counts as written.  An instruction and its
    followers run without a barrier between them, so the first has the barrier that any of them
    needs.
    """
    result: list[Instruction] = []
    touched: set[tuple[int, int]] = set()
    for k, instruction in enumerate(instructions):
        if instruction.follows:
            result.append(replace(instruction, barrier=False))
            continue
        together = [instruction, *consumers(instructions, k)]
        mine = {(o.space, o.offset) for item in together for o in item.operands}
        barrier = bool(mine & touched)
        if barrier:
            touched = set()
        touched |= mine
        result.append(replace(instruction, barrier=barrier))
    return tuple(result)
