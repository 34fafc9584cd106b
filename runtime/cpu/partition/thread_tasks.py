"""A task: an instruction, how its work is shared out, and whether threads wait before it.

A stage is a list of tasks.  The threads that work on it together, its *members*, all go through the
list, and each does what is its own, which follows from its number and how many there are.  Where
threads are cut from one another never changes a bit of a result (Note [The same bits on any number
of threads] in `reduction_chunks.py`).
"""

from __future__ import annotations

from gradc_compiler.program.entry import Instruction
from gradc_compiler.program.kernel_abi import share_start
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.split_dims import SplitDim

SINGLE = 1  # a grain: a share may begin at any row


@dataclass(frozen=True, slots=True)
class ThreadTask:
    """An instruction of which each member of a team has a share, or that one of them does alone.

    With a `grain`, every member has a share that is a multiple of it: of the iterations of `cut`,
    or of the rows if `cut` is None.  Without a grain the `owner` does it.
    """

    instruction: Instruction
    rows: int = 0  # 0: those of a block, which may be any number
    grain: int = 0
    cut: SplitDim | None = None
    owner: int = 0
    followers: int = 0  # tasks after it that are cut at the same rows
    wait: bool = False  # whether all members wait for one another before it

    @property
    def shared(self) -> bool:
        """Whether several members may have some of it."""
        return self.grain > 0

    @property
    def by_examples(self) -> bool:
        """Whether a member's share is some examples of the block."""
        cut_rows = self.grain == SINGLE and self.cut is None and self.rows == 0
        return cut_rows and self.instruction.time is None

    def share(self, extent: int, member: int, members: int) -> range:
        """A member's own share of so many iterations, or of so many rows where no loop is cut."""
        if not self.grain or members == 1:
            return range(extent if self.owner % members == member else 0)
        ends = (share_start(extent, self.grain, m, members) for m in (member, member + 1))
        return range(*ends)


Group = list[ThreadTask]  # an instruction, and its followers if it has some
