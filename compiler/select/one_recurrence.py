"""Which recurrences a GPU runs as one kernel, and how (`compiler/printing/recurrence_plan.py`).

Every kernel of a step must be elementwise or a product with a matrix that the steps only read
(`recurrence_parts.py`), and write rows of that step alone.  A value that the steps write is read
along its units, so that a block finds what it has written itself; where a kernel reads others'
units, as a product does, all blocks meet first (`step_uses.py`).  What does not fit stays a graph
of launches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.printing.recurrence_kernel import print_recurrence
from gradc_compiler.printing.recurrence_plan import OwnedProduct, RecurrencePlan, Wait
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import RecurrenceLoop
from gradc_compiler.program.recurrence_launch import RecurrenceLaunch
from gradc_compiler.select.launch import LaunchDraft
from gradc_compiler.select.recurrence_parts import part_of
from gradc_compiler.select.step_uses import StepUses, operands_of, place_of, writes_of

# Of a block: units, where there are enough; columns of each, whose sums a thread has in registers;
# words of matrices, 48 KiB in float32.  And products of a thread in a step, which take as long as
# three launches.
FEW_UNITS, MOST_COLUMNS, MOST_KEPT, _ = MACHINE.gpu_recurrence


def in_one_kernel(loop: RecurrenceLoop, drafts: list[LaunchDraft | None]) -> RecurrenceLoop:
    """A recurrence with its kernel, if its kernels allow it; `drafts` are those of its stage."""
    own = slice(loop.start, loop.start + loop.count)
    known = [draft for draft in drafts[own] if draft is not None]
    plan = plan_of(known, loop.time) if len(known) == loop.count else None
    if plan is None:
        return loop
    drafts[own] = map(in_one_sum, known)
    return replace(loop, deferred_launch=Deferred(lambda: printed(plan, known)))


def printed(plan: RecurrencePlan, drafts: Sequence[LaunchDraft]) -> RecurrenceLaunch:
    """The kernel of a plan, and what it is called with."""
    text, operands = print_recurrence(plan), operands_of(drafts)
    stored = [operands[access.storage] for _, part in plan.parts for access in writes_of(part)]
    written = {place_of(operand) for operand in stored}
    found = tuple(replace(operands[a.storage], inner=a.offset) for a in text.pointers)
    return RecurrenceLaunch(
        source=text.source,
        operands=found,
        writes=tuple(k for k, operand in enumerate(found) if place_of(operand) in written),
        blocks=plan.blocks,
        kept=plan.words,
        meetings=sum(wait is Wait.ALL for wait, _ in plan.parts),
    )


def in_one_sum(draft: LaunchDraft) -> LaunchDraft:
    """A product whose sums are not shared by several blocks, as those of a recurrence in one
    kernel are not: so that either way gives the same bits.
    """
    if draft.plan is None or not draft.plan.parts:
        return draft
    return replace(draft, plan=replace(draft.plan, parts=0))


def plan_of(drafts: Sequence[LaunchDraft], time: int) -> RecurrencePlan | None:
    """How the kernels of a step become one; None where they do not."""
    parts = [part_of(draft) for draft in drafts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not any(isinstance(part, OwnedProduct) for part in known):
        return None
    units = gcd(*(part.columns for part in known))
    uses = StepUses.of(known, operands_of(drafts), units)
    if not uses.keep_to_rows(time):
        return None
    waits = uses.waits()
    plans = [
        RecurrencePlan(units, own, tuple(zip(waits, known, strict=True)))
        for own in range(1, units)
        if units % own == 0
    ]
    return min(filter(_fits, plans), key=lambda p: abs(p.own - FEW_UNITS), default=None)


def _fits(plan: RecurrencePlan) -> bool:
    """Whether all blocks can run at once, and each keeps what it has of matrices."""
    wide = max(part.columns // plan.units for part in plan.products())
    return (
        plan.blocks <= MACHINE.gpu_multiprocessors
        and plan.words <= MOST_KEPT
        and wide <= MOST_COLUMNS
    )
