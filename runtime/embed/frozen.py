"""A model as it is built into a library: values that depend on its weights alone are computed now.

The stages before the one over examples (which transpose, pack and transform weights) run here,
once; so are the strips in which products read weights (`laid_weights.py`).  The library holds the
results, the weights that are still read directly, and the one stage that is left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
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
from gradc_runtime.embed.laid_weights import laid_out
from gradc_runtime.embed.relocatable import RelocatableTable, relocatable, table_for_batch
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
    weights: NDArray[Any]  # the first words of PERSISTENT, which the stage reads
    made: NDArray[Any]  # the first words of UNIFORM, which the stage reads
    tables: tuple[RelocatableTable, ...]  # by growing block size
    persistents: tuple[Persistent, ...]  # where each tensor lies now
    before: RelocatableTable | None = None  # what makes UNIFORM of PERSISTENT
    walker: Kernel = WALKER  # the dispatch loop that runs the tables

    @property
    def words(self) -> int:
        """The number of words of PERSISTENT."""
        return end_of(self.persistents)

    def arrays(self, role: str) -> list[Array]:
        """The arrays that the model reads (`input`) or writes (`output`), in order."""
        return [array for array in self.entry.arrays if array.role == role]


def frozen(session: Session, model: str, entry_name: str | None = None) -> FrozenModel:
    """A session's model with its present weights; or another entry, called `model`.

    Raises `SessionError` for a model that no library can have yet.
    """
    entry = session.program.entries[entry_name or session.program.models[model]]
    require_plain(model, entry)
    dtype = session.memory.words.dtype
    most = block_of(stage(entry, entry.phases[-1]), MANY)
    laid = laid_out(with_long_sums(entry, MANY, most), most)
    whole, kept, inside = compact(session.program.persistents, laid.entry)
    *before, last = whole.phases
    only, first = stage(whole, last), alone(whole, before)
    sizes = sorted({size for size in SIZES if size < most} | {most})
    return FrozenModel(
        name=model,
        entry=only,
        dtype=dtype,
        weights=words_of(session, kept[:inside]),
        made=made_by(session, alone(laid.entry, laid.entry.phases[:-1]))[: laid.kept],
        tables=tuple(relocatable(only, dtype.itemsize, size) for size in sizes),
        persistents=kept,
        before=table_for_batch(first, dtype.itemsize, 1, 1) if before else None,
    )


def with_long_sums(entry: Entry, examples: int, block: int) -> Entry:
    """The entry with the kernels that a session uses where sums over rows are very long."""
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


def stage(entry: Entry, phase: Phase) -> Entry:
    """The entry cut down to one of its stages."""
    return replace(entry, phases=(phase,), deferred_whole_step=None)


def alone(entry: Entry, before: Sequence[Phase]) -> Entry:
    """The entry cut down to the stages that read no example."""
    return replace(
        entry, phases=tuple(before), arrays=(), times=(), time_words=(), kept_words=(),
        deferred_whole_step=None,
    )  # fmt: skip


def made_by(session: Session, entry: Entry) -> NDArray[Any]:
    """UNIFORM after the stages that stand before the one over examples."""
    runner = Executable(entry, session.memory.words, session.memory.words.dtype)
    if entry.phases:
        runner.run({}, batch=1)  # type: ignore[arg-type]
    found: NDArray[Any] = runner.uniform.copy()
    return found


def compact(
    persistents: Sequence[Persistent], entry: Entry
) -> tuple[Entry, tuple[Persistent, ...], int]:
    """The entry with PERSISTENT cut down to the tensors that it reads.

    Also returns where those tensors lie now, and how many of them the last stage reads; these come
    first.
    """
    starts = [one.offset for one in persistents]
    inside = read_by(starts, entry.phases[-1:])
    order = dict.fromkeys([*inside, *read_by(starts, entry.phases)])
    known = dict(zip(order, places([persistents[k] for k in order]), strict=True))

    def moved(operand: Operand) -> Operand:
        if operand.space != Space.PERSISTENT:
            return operand
        k = tensor_of(starts, operand)
        return replace(operand, offset=operand.offset - starts[k] + known[k].offset)

    return with_operands(entry, moved), tuple(known.values()), len(inside)


def tensor_of(starts: Sequence[int], operand: Operand) -> int:
    """The number of the tensor that an operand lies in, of those that begin at `starts`."""
    return bisect_right(starts, operand.offset + operand.inner) - 1


def read_by(starts: Sequence[int], phases: Sequence[Phase]) -> list[int]:
    """The numbers of the tensors that some stages read."""
    items = [item for phase in phases for item in phase.instructions]
    kept = [o for item in items for o in item.operands if o.space == Space.PERSISTENT]
    return sorted({tensor_of(starts, operand) for operand in kept})


def with_operands(entry: Entry, moved: Callable[[Operand], Operand]) -> Entry:
    """The entry with each operand replaced by `moved` of it."""

    def placed(item: Instruction) -> Instruction:
        return replace(item, operands=tuple(map(moved, item.operands)))

    phases = [replace(p, instructions=tuple(map(placed, p.instructions))) for p in entry.phases]
    return replace(entry, phases=tuple(phases))


def places(tensors: Sequence[Persistent]) -> Iterator[Persistent]:
    """Tensors one after another, each from a cache line on."""
    end = 0
    for one in tensors:
        yield replace(one, offset=end)
        end += -(-one.type.size // LINE) * LINE


def end_of(tensors: Sequence[Persistent]) -> int:
    """The number of words that the tensors take."""
    return max((one.offset + -(-one.type.size // LINE) * LINE for one in tensors), default=0)


def words_of(session: Session, tensors: Sequence[Persistent]) -> NDArray[Any]:
    """The present numbers of some tensors, read from where they lie in the session."""
    found = np.zeros(end_of(tensors), session.memory.words.dtype)
    known = {one.name: one for one in session.program.persistents}
    for one in tensors:
        start = known[one.name].offset
        found[one.offset : one.offset + one.type.size] = session.memory.words[
            start : start + one.type.size
        ]
    return found
