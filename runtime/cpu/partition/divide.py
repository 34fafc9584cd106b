"""How the work of a stage is divided, for any number of threads: one place decides.

Threads form *teams*.  In a serial stage all threads are one team: each instruction is cut at
multiples of a grain, and instructions that need not wait come first (`independent.py`).  In a batch
stage a team takes chunks of the batch, block after block, and its members share each instruction on
a block (`intra_op.py`).  As long as there are chunks for all threads, a team is a single thread,
which does everything in order.  At last barriers are placed (`barriers.py`).
"""

from __future__ import annotations

from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.entry import Entry, Phase
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.barriers import with_barriers
from gradc_runtime.cpu.partition.grains import once
from gradc_runtime.cpu.partition.independent import in_rounds
from gradc_runtime.cpu.partition.intra_op import divided, in_shares, shared_nanoseconds
from gradc_runtime.cpu.partition.reduction_chunks import chunks_of
from gradc_runtime.cpu.partition.thread_tasks import ThreadTask


@dataclass(frozen=True, slots=True)
class Teams:
    """So many teams of so many threads each; threads beyond those only take part between stages."""

    count: int = 1
    members: int = 1

    def member(self, thread: int) -> tuple[int, int] | None:
        """The team of a thread and its number there."""
        team, member = divmod(thread, self.members)
        return (team, member) if team < self.count else None


def teams_of(entry: Entry, examples: int, block: int, threads: int) -> Teams:
    """The division into teams for which a batch is estimated to take the least time."""
    chunks = chunks_of(entry, examples, block)
    if threads <= chunks and chunks % threads == 0:
        return Teams(threads)
    counts = range(min(threads, chunks), 0, -1)
    if entry.times:  # nobody knows how long they are
        return Teams(counts[0], threads // counts[0])
    rows = -(-examples // chunks)
    items = [item for phase in entry.phases if phase.examples for item in phase.instructions]

    def nanoseconds(teams: Teams) -> float:
        of_chunk = sum(
            MACHINE.call_ns + shared_nanoseconds(entry, item, min(rows, block), teams.members)
            for item in items
        )
        return -(-chunks // teams.count) * of_chunk

    largest = {threads // count: count for count in reversed(counts)}
    best = min((Teams(count, members) for members, count in largest.items()), key=nanoseconds)
    cut = any(in_shares(entry, item, min(rows, block), best.members).shared for item in items)
    return best if cut else Teams(counts[0])


def tasks_of(entry: Entry, phase: Phase, block: int, members: int) -> list[ThreadTask]:
    """The tasks of a stage for a team: of a batch stage those on one block, of a serial one all."""
    if phase.examples:
        groups = divided(entry, phase.instructions, block, members)
        return with_barriers(entry, groups, phase.loops)
    return with_barriers(entry, in_rounds(entry, list(once(entry, phase, members)), members))
