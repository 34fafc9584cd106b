"""The time of sequences in C: how many elements an example has, and what is known of each row.

Examples are run one after another, so the elements of a sequence are rows 0, 1, ... of a value, and
what other back ends look up in arrays (which row is the one before, the last, its mirror image) is
a small expression here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gradc_compiler.c.c_names import CNames, c_name
from gradc_compiler.emitted.scalar_writer import CHOICE, SUM, WHOLE, Text
from gradc_compiler.graph.types import Limit, Time
from gradc_compiler.records.fast_dataclass import dataclass

ROW = "row"  # the counter of the loop over rows
LONGEST = 64  # elements that there is room for, if nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class CTime:
    """A time: its length is a whole number, or an argument says it for each example."""

    time: Time
    lengths: str  # the argument; empty for a fixed length
    count: str  # what the length of the example's sequence is called
    start: str  # the elements of the examples before
    total: str  # the elements of all examples
    macro: str  # elements that there is room for in an example, at most
    most: int  # the same, if nothing else is said
    limit: int | None = None  # beyond which nothing may be said

    trivial: ClassVar[frozenset[str]] = frozenset({"0", ROW})

    @property
    def is_fixed(self) -> bool:
        """Whether all sequences are as long."""
        return isinstance(self.time, int)

    def clock(self, kind: str) -> Text:
        """What is known of a row (of an example: its length, its first row and its last)."""
        count = self.count
        found: dict[str, Text] = {
            "owner": ("0", WHOLE),
            "position": (ROW, WHOLE),
            "remaining": (f"{count} - 1 - {ROW}", SUM),
            "mirror": (f"{count} - 1 - {ROW}", SUM),
            "before": (f"{ROW} > 0 ? {ROW} - 1 : 0", CHOICE),
            "after": (f"{ROW} < {count} - 1 ? {ROW} + 1 : {ROW}", CHOICE),
            "length": (count, WHOLE),
            "first": ("0", WHOLE),
            "last": (f"{count} > 0 ? {count} - 1 : 0", CHOICE),
        }
        return found[kind]


def c_time(time: Time, names: CNames, prefix: str, limits: Sequence[Limit]) -> CTime:
    """What a time is in C; `names` are taken, and macros begin with a prefix."""
    if isinstance(time, int):
        return CTime(
            time=time, lengths="", count=str(time), start=f"(example * {time})",
            total=f"(size_t)n * {time}", macro=str(time), most=time,
        )  # fmt: skip
    rows = [limit.rows for limit in limits if limit.time == time]
    lengths = names.take(f"{time}_lengths")
    own = lengths.removesuffix("_lengths")
    return CTime(
        time=time, lengths=lengths, count=names.take(f"{own}_count"),
        start=names.take(f"{own}_start"), total=names.take(f"{own}_total"),
        macro=f"{prefix}_MOST_{c_name(own).upper()}", most=min([LONGEST, *rows]),
        limit=min(rows, default=None),
    )  # fmt: skip
