"""How the work of a stage is divided, for any number of threads: one place decides.

What is done once is cut at multiples of a grain.  A batch of several tiles is cut into chunks; one
of a single tile has nothing to share out but the instructions themselves, which are cut into parts
where that brings something.  Then barriers are placed.
"""

from __future__ import annotations

from gradc_compiler.program.entry import Entry, Phase
from gradc_runtime.cpu.partition.barriers import with_barriers
from gradc_runtime.cpu.partition.grains import in_shares
from gradc_runtime.cpu.partition.intra_op import in_parts
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask


def tasks_of(entry: Entry, phase: Phase, examples: int, block: int) -> list[ThreadTask]:
    """The tasks of a stage; none where threads take chunks of the batch."""
    if not phase.examples:
        return with_barriers(entry, phase, list(in_shares(entry, phase)))
    if entry.times or examples > block:
        return []
    groups = [in_parts(entry, item, examples) for item in phase.instructions]
    if all(len(group) == 1 for group in groups):
        return []
    return with_barriers(entry, phase, groups)
