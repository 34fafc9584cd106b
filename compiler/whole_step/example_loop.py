"""The loop over the examples of a small step, in the three forms in which sums over them are made.

One example needs no loop: the sum over examples is that example's value.  Nothing may be rounded
between two steps, so it is not added to 0, nor divided by 1.  Up to `LONG` terms may be added one
after another (`addition_chains.py`); more are added up in blocks, and then the sums of the blocks.
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

ONCE = 2  # the depth of code that runs once a step
MASKED = MACHINE.masked_statements  # statements from which a remainder is a loop


class ExampleLoop(Enum):
    """The form that the loop over the examples of a step takes."""

    OF_ONE = auto()  # a single example: no loop
    IN_A_ROW = auto()
    IN_BLOCKS = auto()  # many examples: each block of them has sums of its own


def depth_of(form: ExampleLoop) -> int:
    """In how many loops the code of an example stands; `over_examples` puts the loop of blocks
    around it.
    """
    return ONCE if form is ExampleLoop.OF_ONE else ONCE + 1


def over_examples(
    form: ExampleLoop,
    lines: Sequence[CodeLine],
    sums: Sequence[Accumulator],
    started: Collection[Accumulator],
) -> list[CodeLine]:
    """The code of one example as code of all; sums that have `started` begin with a value, not with
    0.
    """
    masked = len(lines) >= MASKED
    match form:
        case ExampleLoop.OF_ONE:
            return _of_one(lines, [name for name in sums if name not in started])
        case ExampleLoop.IN_BLOCKS:
            return _in_blocks(lines, sums, masked)
        case _:
            return _in_a_row(lines, sums, masked)


def _of_one(lines: Sequence[CodeLine], sums: Sequence[Accumulator]) -> list[CodeLine]:
    """The code of the only example, as code of the step."""
    zeros = [CodeLine(ONCE, AssignLine(name, ZERO)) for name in sums]
    first = AssignLine(EXAMPLE, whole_number(0))
    return [*zeros, CodeLine(ONCE, first), CodeLine(ONCE, EXAMPLE_OF_STEP), *lines]


def _in_a_row(
    lines: Sequence[CodeLine], sums: Sequence[Accumulator], masked: bool
) -> list[CodeLine]:
    """One loop over all examples."""
    zeros = [CodeLine(2, AssignLine(name, ZERO)) for name in sums]
    loop = [CodeLine(2, LoopHead(EXAMPLE, (COUNT,), masked)), CodeLine(3, EXAMPLE_OF_ALL)]
    return [*zeros, *loop, *lines]


def _in_blocks(
    lines: Sequence[CodeLine], sums: Sequence[Accumulator], masked: bool
) -> list[CodeLine]:
    """A loop over blocks of examples: the sums of a block are in r1, and so on, the sums of blocks
    in qr1.
    """
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
    """The variable that adds up the sums of blocks."""
    return KernelArgument(f"q{total}")


def _one_more(total: Accumulator) -> AssignLine:
    """The statement that adds the sum of a block to those of the blocks before."""
    blocks = of_blocks(total)
    return AssignLine(blocks, Apply("+", (blocks, total)))
