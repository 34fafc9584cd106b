"""A step of training as it is built into a library: the table that a session runs, for one batch.

Nothing is computed ahead, and no number is fixed but the constants: the library's state is the
session's PERSISTENT words, and each call goes through all stages, as `Session.step` does.  So the
numbers are those of the trainer, to the bit.
"""

from __future__ import annotations

from gradc_compiler.graph.outputs import Tagged
from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry, Kernel
from gradc_compiler.program.program import TrainStep
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.executable import STRAIGHT, WALKER, Executable
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.reduction_chunks import chunks_of
from gradc_runtime.cpu.partition.segments import without_segments
from gradc_runtime.cpu.partition.space_sizes import partial_bytes
from gradc_runtime.embed.frozen import FrozenModel, with_long_sums
from gradc_runtime.embed.relocatable import table_for_batch
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenStep(FrozenModel):
    """A step without Python: its first state, and a table for batches of one size."""

    batch: int
    partial_bytes: int  # of all chunks
    schedule: tuple[int, int]  # the word that counts in a table of settings, and its rows; 0 rows

    @property
    def words(self) -> int:
        """The number of words of PERSISTENT."""
        return len(self.weights)

    def arrays(self, role: str) -> list[Array]:
        """The arrays that a step reads, and those it writes once a batch: the loss and reports."""
        if role != "output":
            return [array for array in self.entry.arrays if array.role == role]
        return [
            Array(name=result.name.about if isinstance(result.name, Tagged) else result.name,
                  role=role, type=result.type)
            for result in self.entry.results
        ]  # fmt: skip


def frozen_step(session: Session, step: TrainStep, batch: int) -> FrozenStep:
    """A session's step of training from its present state, for batches of one size.

    Raises `SessionError` for a step that no library can have yet.
    """
    plain, dtype = plain_step(session, step), session.memory.words.dtype
    schedule = filled_schedule(session, step)
    runner = Executable(plain, session.memory.words, dtype)
    only = runner.variant(batch)
    entry = with_long_sums(only, batch, block := block_of(only, batch))
    last = max((c.offset + len(c.value) for c in entry.constants), default=0)
    return FrozenStep(
        name=step.name,
        entry=entry,
        dtype=dtype,
        weights=session.memory.words.copy(),
        made=runner.uniform[:last].copy(),
        tables=(table_for_batch(entry, dtype.itemsize, block, batch),),
        walker=Kernel(WALKER.name if only is runner.entry else STRAIGHT.name),
        batch=batch,
        partial_bytes=partial_bytes(entry, dtype.itemsize) * chunks_of(entry, batch, block),
        persistents=session.program.persistents,
        schedule=schedule,
    )


def filled_schedule(session: Session, step: TrainStep) -> tuple[int, int]:
    """Let the tables of a step's settings begin at its next update.

    Returns the word that counts the rows read so far, and the number of rows (0: no tables).
    """
    ahead = session.tables.of.get(step.entry)
    if ahead is None:
        return 0, 0
    ahead.fill(ahead.count)
    offsets = {one.name: one.offset for one in session.program.persistents}
    return offsets[ahead.schedules.place], ahead.size


def plain_step(session: Session, step: TrainStep) -> Entry:
    """The entry of a step, in blocks of one size.

    Raises `SessionError` for a step with other results than a C program can be given.
    """
    entry = without_segments(session.program.entries[step.entry])
    if any(result.words != result.type.size for result in entry.results):
        raise SessionError(f"step {step.name} gives a tensor with gaps: it cannot be built yet")
    return entry
