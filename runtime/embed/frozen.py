"""A model as it is built into a library: what it computes of its weights alone is computed now.

What stands before the stage over examples (weights transposed, packed, transformed) is done here,
once; the library has the words that come of it, those of the weights that are read beside them, and
the one stage that is left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry, Instruction, Kernel, Operand, Phase, Space
from gradc_compiler.program.program import Persistent
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.executable import WALKER, Executable
from gradc_runtime.cpu.partition.batch_tiles import block_of
from gradc_runtime.cpu.partition.sum_lengths import with_compensated_sums
from gradc_runtime.embed.relocatable import RelocatableTable, relocatable
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError

LINE = 16  # words: each tensor begins on a cache line
MANY = 1 << 12  # examples: blocks are as large as those of a large batch
LONGEST = 1 << 40  # elements of sequences of a block: more than there ever are
SIZES = 1, 8  # of smaller blocks, for fewer examples


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenModel:
    """A model without Python: its numbers, and a table for blocks of several sizes."""

    name: str
    entry: Entry  # of one stage
    dtype: np.dtype[Any]
    weights: NDArray[Any]  # PERSISTENT
    made: NDArray[Any]  # UNIFORM
    tables: tuple[RelocatableTable, ...]  # of ever larger blocks
    walker: Kernel = WALKER  # which goes through them

    def arrays(self, role: str) -> list[Array]:
        """What it reads (`input`) or gives (`output`), in order."""
        return [array for array in self.entry.arrays if array.role == role]


def frozen(session: Session, model: str) -> FrozenModel:
    """A model of a session with the numbers that it has now.

    Raises `SessionError` for a model that no library can have yet.
    """
    entry = session.program.entries[session.program.models[model]]
    require_plain(model, entry)
    *before, last = entry.phases
    made = made_by(session, entry, before)
    only, weights = with_weights(session, one_stage(entry, last))
    most = block_of(only, MANY)
    only = with_long_sums(only, MANY, most)
    dtype = session.memory.words.dtype
    sizes = sorted({size for size in SIZES if size < most} | {most})
    return FrozenModel(
        name=model,
        entry=only,
        dtype=dtype,
        weights=weights,
        made=made,
        tables=tuple(relocatable(only, dtype.itemsize, size) for size in sizes),
    )


def with_long_sums(entry: Entry, examples: int, block: int) -> Entry:
    """The entry with the kernels that a session takes for very long sums (of so many rows)."""
    rows = [block * time if isinstance(time, int) else LONGEST for time in entry.times]
    return with_compensated_sums(entry, examples, block, rows)


def require_plain(model: str, entry: Entry) -> None:
    """Raises `SessionError` for an entry that is more than one stage over examples."""
    *before, last = entry.phases
    if not last.examples or any(phase.examples for phase in before):
        raise SessionError(f"{model} looks at several examples at once: it cannot be built")
    if entry.results or any(array.role == "carried" for array in entry.arrays):
        raise SessionError(f"{model} looks at several examples at once: it cannot be built")
    if any(o.space == Space.UNIFORM for item in last.instructions for o in written(item)):
        raise SessionError(f"{model} keeps what it computes: it cannot be built")


def written(item: Instruction) -> Sequence[Operand]:
    """The operands that an instruction may write."""
    places = range(len(item.operands)) if item.writes is None else item.writes
    return [item.operands[k] for k in places]


def made_by(session: Session, entry: Entry, before: Sequence[Phase]) -> NDArray[Any]:
    """UNIFORM after the stages that stand before the one over examples."""
    alone = replace(
        entry, phases=tuple(before), arrays=(), times=(), time_words=(), kept_words=(),
        deferred_whole_step=None,
    )  # fmt: skip
    runner = Executable(alone, session.memory.words, session.memory.words.dtype)
    if before:
        runner.run({}, batch=1)  # type: ignore[arg-type]
    found: NDArray[Any] = runner.uniform.copy()
    return found


def one_stage(entry: Entry, stage: Phase) -> Entry:
    """An entry of one stage, with the kernels that it calls."""
    called = sorted({item.kernel for item in stage.instructions})
    number = {old: new for new, old in enumerate(called)}
    items = tuple(replace(item, kernel=number[item.kernel]) for item in stage.instructions)
    return replace(
        entry,
        kernels=tuple(entry.kernels[k] for k in called),
        phases=(replace(stage, instructions=items),),
        deferred_whole_step=None,
    )


def with_weights(session: Session, entry: Entry) -> tuple[Entry, NDArray[Any]]:
    """The entry with PERSISTENT cut down to the tensors that it reads, and their words."""
    kept = session.program.persistents
    starts = [one.offset for one in kept]
    read = [o for i in entry.phases[0].instructions for o in i.operands if o.space == 0]
    known: dict[int, int] = {}  # of each tensor, by its number: where it lies now
    end = 0
    for number in sorted({bisect_right(starts, o.offset + o.inner) - 1 for o in read}):
        known[number], end = end, end + -(-kept[number].type.size // LINE) * LINE
    weights = np.zeros(end, session.memory.words.dtype)
    for number, at in known.items():
        weights[at : at + kept[number].type.size] = words_of(session, kept[number])

    def moved(operand: Operand) -> Operand:
        if operand.space != Space.PERSISTENT:
            return operand
        number = bisect_right(starts, operand.offset + operand.inner) - 1
        return replace(operand, offset=operand.offset - starts[number] + known[number])

    (stage,) = entry.phases
    items = [replace(i, operands=tuple(map(moved, i.operands))) for i in stage.instructions]
    return replace(entry, phases=(replace(stage, instructions=tuple(items)),)), weights


def words_of(session: Session, one: Persistent) -> NDArray[Any]:
    """The words of a tensor that persists."""
    found: NDArray[Any] = session.memory.words[one.offset : one.offset + one.type.size]
    return found
