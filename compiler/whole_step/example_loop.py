"""The loop over the examples of a small step, in the three forms in which sums come out of it.

One example needs no loop: what others sum up is its value, and no rounding of a sum with 0 or of a
quotient by 1 stands between a step and the next.  Up to `LONG` terms may follow one another
(`addition_chains.py`); more are added up in blocks, and the blocks' sums after them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum, auto

from gradc_compiler.loops.ir import Accumulator, Apply, KernelArgument
from gradc_compiler.loops.scalar_form import whole_number
from gradc_compiler.machine.addition_chains import IN_A_ROW
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.whole_step.step_code import (
    COUNT,
    EXAMPLE,
    EXAMPLE_OF_ALL,
    EXAMPLE_OF_STEP,
    ZERO,
    AssignLine,
    CodeLine,
    LoopHead,
    When,
    deeper,
)

ONCE = 2  # how deep stands what is done once a step
MASKED = MACHINE.masked_statements  # statements from which a remainder is a loop


class ExampleLoop(Enum):
    """How the examples of a step are gone through."""

    OF_ONE = auto()  # there is one: no loop
    IN_A_ROW = auto()
    IN_BLOCKS = auto()  # so many that blocks of them have sums of their own


def depth_of(form: ExampleLoop) -> int:
    """How deep stands what is done for an example; `over_examples` puts a loop of blocks around."""
    return ONCE if form is ExampleLoop.OF_ONE else ONCE + 1


def over_examples(
    form: ExampleLoop,
    lines: Sequence[CodeLine],
    sums: Sequence[Accumulator],
    started: Collection[Accumulator],
) -> list[CodeLine]:
    """What is done for an example, done for all; `started` sums begin with a value, not with 0."""
    masked = len(lines) >= MASKED
    match form:
        case ExampleLoop.OF_ONE:
            return _of_one(lines, [name for name in sums if name not in started])
        case ExampleLoop.IN_BLOCKS:
            return _in_blocks(lines, sums, masked)
        case _:
            return _in_a_row(lines, sums, masked)


def _of_one(lines: Sequence[CodeLine], sums: Sequence[Accumulator]) -> list[CodeLine]:
    """One example, which is the step's."""
    zeros = [CodeLine(ONCE, AssignLine(name, ZERO)) for name in sums]
    first = AssignLine(EXAMPLE, whole_number(0))
    return [*zeros, CodeLine(ONCE, first), CodeLine(ONCE, EXAMPLE_OF_STEP), *lines]


def _in_a_row(
    lines: Sequence[CodeLine], sums: Sequence[Accumulator], masked: bool
) -> list[CodeLine]:
    """One loop over all."""
    zeros = [CodeLine(2, AssignLine(name, ZERO)) for name in sums]
    loop = [CodeLine(2, LoopHead(EXAMPLE, (COUNT,), masked)), CodeLine(3, EXAMPLE_OF_ALL)]
    return [*zeros, *loop, *lines]


def _in_blocks(
    lines: Sequence[CodeLine], sums: Sequence[Accumulator], masked: bool
) -> list[CodeLine]:
    """The same with the sums of a block in r1, and those of blocks in qr1."""
    first, end = KernelArgument("j0"), KernelArgument("e0")
    zero, terms = whole_number(0), whole_number(IN_A_ROW)
    return [
        *(CodeLine(2, AssignLine(of_blocks(name), ZERO)) for name in sums),
        CodeLine(2, LoopHead(first, (zero, COUNT, terms))),
        CodeLine(3, AssignLine(end, Apply("+", (first, terms)))),
        CodeLine(3, When(Apply(">", (end, COUNT)))),
        CodeLine(4, AssignLine(end, COUNT)),
        *(CodeLine(3, AssignLine(name, ZERO)) for name in sums),
        CodeLine(3, LoopHead(EXAMPLE, (first, end), masked)),
        CodeLine(4, EXAMPLE_OF_ALL),
        *deeper(lines, 1),
        *(CodeLine(3, _one_more(name)) for name in sums),
    ]


def of_blocks(total: Accumulator) -> KernelArgument:
    """What the sums of blocks are added up in."""
    return KernelArgument(f"q{total}")


def _one_more(total: Accumulator) -> AssignLine:
    """The sum of a block, added to those before."""
    blocks = of_blocks(total)
    return AssignLine(blocks, Apply("+", (blocks, total)))
