"""A training in no more memory than is allowed: what is given up for it, and what it then takes.

Room is bought with work, the cheapest first: values that derivatives read are computed again
(`compiler/rewrites/remat.py` finds by a minimal cut which), then a block holds fewer examples.
Counted is what persists, the copy of it that the trainer has, and the spaces of each step and its
evaluation, for all threads.  Not counted are the data and the process itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Program, no_other
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.space_sizes import bytes_of
from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.files import size

COPIES = 2  # of the persistent words: the session's, and that of `last_state.py`


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFrame:
    """What memory depends on: examples in a batch, threads, and the type of numbers."""

    batch: int
    threads: int
    dtype: str


@dataclass(frozen=True, slots=True)
class SmallerBlocks(Mapping[str, Entry]):
    """The entries of a program, with at most `block` examples in a block."""

    entries: Mapping[str, Entry]
    block: int

    def __getitem__(self, name: str) -> Entry:
        entry = self.entries[name]
        wide = min(entry.wide_block, self.block)
        return replace(entry, block=min(entry.block, self.block), wide_block=wide)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def planned_bytes(program: Program, frame: RunFrame) -> int:
    """The bytes that training takes; a sequence of any length is counted as one element."""
    word = np.dtype(frame.dtype).itemsize
    steps = program.training.steps if program.training else ()
    names = [name for step in steps for name in (step.entry, step.evaluate)]
    spaces = (bytes_of(program.entries[n], word, frame.threads, frame.batch) for n in names)
    return COPIES * word * program.persistent_words + sum(spaces)


def within(limit: int, frame: RunFrame, form: Callable[[bool], Program]) -> tuple[Program, str]:
    """The program that trains in at most `limit` bytes, and a line that says what was given up.

    `form(True)` and `form(False)` are the two programs to choose from: one keeps the values that
    derivatives read, the other computes them again.  Raises `SessionError` where even the smallest
    program needs more.
    """
    least = None
    for program, said in _choices(frame, form):
        needed = planned_bytes(program, frame)
        if needed <= limit:
            return program, f"memory: {size(needed)} of {size(limit)}; {said}"
        least = needed if least is None else min(least, needed)
    assert least is not None, "there is always the first choice"
    raise SessionError(
        f"training on {frame.batch:,} examples at once needs {size(least)} of memory at least,"
        f" on {frame.threads} threads without its data; {size(limit)} are allowed"
    )


def _choices(frame: RunFrame, form: Callable[[bool], Program]) -> Iterator[tuple[Program, str]]:
    """The programs to choose from, the one with the least work first."""
    yield form(True).of_width(frame.dtype), "as without a limit"
    lean = form(False).of_width(frame.dtype)
    again = "all but products is computed again for the derivative"
    yield lean, again
    steps = lean.training.steps if lean.training else ()
    largest = min(frame.batch, max((lean.entries[s.entry].block for s in steps), default=1))
    for block in (largest >> power for power in range(1, largest.bit_length())):
        small = SmallerBlocks(lean.entries, block)
        said = f"{again}, blocks of {block} example{'s' * (block > 1)}"
        yield replace(lean, entries=small, exactly=no_other), said


def require_within(limit: int | None, program: Program, frame: RunFrame) -> None:
    """Refuse a training that takes more than its limit; raises `SessionError`."""
    if limit is not None and (needed := planned_bytes(program, frame)) > limit:
        raise SessionError(
            f"training on {frame.batch:,} examples at once takes {size(needed)} of memory;"
            f" {size(limit)} are allowed: `gradc train --memory` finds what needs less"
        )
