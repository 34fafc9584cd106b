"""Where the threads that share out a ONCE phase must wait for one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradc_compiler.program.entry import Instruction, consumers


def with_barriers(instructions: Sequence[Instruction]) -> tuple[Instruction, ...]:
    """Keep a barrier only before an instruction that touches words used since the last one.

    Words are compared by whole operands: the last operand of a library kernel, any of a generated
    one, may be written.  Before an instruction stands what those that follow it need too.
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
