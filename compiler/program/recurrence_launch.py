"""All steps of a recurrence as one CUDA kernel, whose blocks meet between them."""

from __future__ import annotations

from gradc_compiler.program.entry import Operand, RecurrenceLoop
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceLaunch:
    """A kernel that is called as that of a `Launch` is, once for the whole batch.

    After the first words of operands come the word where the first step's rows are told, how many
    steps there may be, and the word where blocks are counted when they meet.  All blocks have to
    run at once.
    """

    source: str
    operands: tuple[Operand, ...]
    writes: tuple[int, ...]  # the operands that are written
    blocks: int
    kept: int  # words of matrices that a block keeps: each is multiplied once for a row of a step
    meetings: int  # of all blocks, in a step


def launch_of(loop: RecurrenceLoop) -> RecurrenceLaunch | None:
    """The kernel of a recurrence, made when it is first asked for; None where it has none."""
    made = loop.deferred_launch
    found: RecurrenceLaunch | None = None if made is None else made.value
    return found
