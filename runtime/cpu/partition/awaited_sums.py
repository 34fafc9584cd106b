"""When a stage may begin that reads sums which other ranks are still adding to.

The sums over a batch travel from rank to rank as messages, which takes a while, and come in a known
order.  A stage may begin once the sums have come that its first instructions read.  A serial stage
is cut into parts, so that an optimizer works on the first gradients while others are on their way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Instruction, Phase, Space
from gradc_compiler.records.fast_dataclass import dataclass

Words = tuple[int, int]  # of UNIFORM, from and to


@dataclass(frozen=True, slots=True)
class AwaitingPart:
    """Instructions of a stage, and how many messages must have come before they may begin."""

    instructions: range
    messages: int


def awaiting_parts(
    entry: Entry, phase: Phase, items: Sequence[Instruction], messages: Sequence[Sequence[Words]]
) -> list[AwaitingPart]:
    """The parts of a stage that comes after these messages have been sent; `items` are its
    instructions in the order in which they are run.
    """
    starts = sorted(_starts(entry))
    counts = [_awaited(item, starts, messages) for item in items]
    whole = range(len(counts))
    if phase.examples or not counts:
        return [AwaitingPart(whole, max(counts, default=0))]
    parts, begin, known = [], 0, counts[0]
    enough = max(1, len(messages) // MACHINE.rank_parts)
    for k, count in enumerate(counts):
        if count >= known + enough and not items[k].follows and k > begin:
            parts.append(AwaitingPart(range(begin, k), known))
            begin = k
        known = max(known, count)
    return [*parts, AwaitingPart(range(begin, len(counts)), known)]


def _starts(entry: Entry) -> set[int]:
    """Where a buffer begins in UNIFORM."""
    items = (item for phase in entry.phases for item in phase.instructions)
    found = {o.offset for item in items for o in item.operands if o.space == Space.UNIFORM}
    sums = [total for phase in entry.phases for total in phase.sums]
    return found.union(*({s.uniform, s.uniform + s.words} for s in sums))


def _awaited(item: Instruction, starts: Sequence[int], messages: Sequence[Sequence[Words]]) -> int:
    """How many messages, in the order in which they come, an instruction has to wait for."""
    uses = [o.offset for o in item.operands if o.space == Space.UNIFORM]
    ranges = [(begin, _next(starts, begin)) for begin in uses]
    return next(
        (
            number + 1
            for number in reversed(range(len(messages)))
            if any(a < end and begin < b for a, b in messages[number] for begin, end in ranges)
        ),
        0,
    )


def _next(starts: Sequence[int], begin: int) -> int:
    at = bisect_right(starts, begin)
    return starts[at] if at < len(starts) else begin + 1
