"""The memory of a step as a formula: in the examples of a batch and the lengths of sequences.

It is read off the plan that `Executable` allocates by: what is there once, a BLOCK for each team of
threads, partial sums for each chunk, and arrays with a row for each example or element.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gradc_compiler.program.arrays import Array
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.variants import variant
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.partition.segments import cut_of
from gradc_runtime.cpu.partition.space_sizes import (
    arrays_read,
    block_bytes,
    least_length,
    partial_bytes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    """Bytes of a step for N examples, `block` of them at once for each of `teams`."""

    persistent: int  # parameters, and what the optimizer keeps
    once: int  # values that are the same for all examples, and sums of all chunks
    teams: int
    block: int
    of_block: int  # a BLOCK, but for sequences of any length
    of_block_times: Mapping[str, int]  # of BLOCK for an element, by length
    arrays: int  # an example of the batch: inputs, and what is carried between stages
    array_times: Mapping[str, int]

    @staticmethod
    def of(
        entry: Entry, persistent_words: int, examples: int, *, word: int, threads: int
    ) -> MemoryNeed:
        """That of an entry for a batch, in numbers of `word` bytes."""
        entry = variant(entry, examples)
        cut = cut_of(entry, examples)
        fixed = [cut.usual.block * t if isinstance(t, int) else 0 for t in entry.times]
        kept = zip(entry.times, entry.kept_words, strict=True)
        arrays, array_times = _arrays(entry)
        partials = partial_bytes(entry, word) * max(entry.chunks, cut.chunks)
        return MemoryNeed(
            persistent=persistent_words * word,
            once=entry.uniform_words * word + partials,
            teams=min(threads, entry.chunks),
            block=cut.usual.block,
            of_block=block_bytes(entry, cut.block_words, fixed, word),
            of_block_times={t: n * word for t, n in kept if isinstance(t, str)},
            arrays=arrays * word,
            array_times={t: n * word for t, n in array_times.items()},
        )

    def number(self, sizes: Mapping[str, int]) -> int:
        """Bytes for N examples and sequences of given lengths."""
        rows = sum(n * sizes[time] for time, n in self.of_block_times.items())
        blocks = self.teams * (self.of_block + self.block * rows)
        elements = sum(n * sizes[time] for time, n in self.array_times.items())
        return self.persistent + self.once + blocks + sizes["N"] * (self.arrays + elements)

    def formula(self) -> str:
        """`79,000 + 2 (16,384 + 16 (96 rows)) + N (3,140 + 4 rows)`."""
        rows = _sum(0, self.of_block_times)
        of_times = {} if rows == "0" else {f"({rows})": self.block}
        parts = [
            f"{self.persistent + self.once:,}",
            _times(str(self.teams), _sum(self.of_block, of_times)),
            _times("N", _sum(self.arrays, self.array_times)),
        ]
        return " + ".join(part for part in parts if part)


def _arrays(entry: Entry) -> tuple[int, Counter[str]]:
    """Words of arrays for an example, those that take turns once, and for an element by length."""
    read = arrays_read(entry)
    used = [array for array in entry.arrays if array.role != "clock" or array.name in read]
    turns: dict[int, int] = {}
    alone, times = 0, Counter[str]()
    for array in used:
        if isinstance(array.type.time, str):
            times[array.type.time] += array.type.size
        elif array.slot is None:
            alone += _words(array)
        else:
            turns[array.slot] = max(turns.get(array.slot, 0), array.within + _words(array))
    return alone + sum(turns.values()), times


def _words(array: Array) -> int:
    return array.type.size * least_length(array.type.time)


def _sum(once: int, each: Mapping[str, int]) -> str:
    terms = [f"{once:,}"] if once else []
    return " + ".join(terms + [f"{n:,} {what}" for what, n in each.items() if n]) or "0"


def _times(factor: str, text: str) -> str:
    return "" if text == "0" else f"{factor} ({text})"
