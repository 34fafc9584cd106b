"""Checks that no sequence is longer than a table that is indexed by position has rows.

Lengths are known before a step begins.  So a sequence with a position beyond the last row is
refused here, on every target alike, before anything is updated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from gradc_compiler.graph.ragged import Batch, length_key
from gradc_compiler.graph.types import Limit
from gradc_compiler.program.entry import Entry
from gradc_runtime.data.arrays.checked import Batches
from gradc_runtime.data.arrays.examples import of_rows
from gradc_runtime.session.backends import examples_of
from gradc_runtime.system.errors import DataError, SessionError

if TYPE_CHECKING:
    from gradc_runtime.data import Examples


def too_long(limits: Iterable[Limit], given: Mapping[str, Batch]) -> tuple[int, str] | None:
    """The first example whose sequence is longer than a table has rows, and the fault in words."""
    found: list[tuple[int, str]] = []
    for limit in limits:
        lengths = np.asarray(given.get(length_key(limit.time), ()))
        if (beyond := np.flatnonzero(lengths > limit.rows)).size:
            first = int(beyond[0])
            rows = f"{limit.rows:,} row{'' if limit.rows == 1 else 's'}"
            found.append((
                first,
                f"place {limit.rows} of {limit.time}, which has {lengths[first]:,} elements, has no"
                f" row: `{limit.text}` goes by {rows} ({limit.place})",
            ))  # fmt: skip
    return min(found, default=None)


def require_rows(entry: Entry, given: Mapping[str, Batch], steps: int = 1) -> None:
    """Raise `SessionError` where a sequence of these batches has a place without a row."""
    if entry.limits and (fault := too_long(entry.limits, given)) is not None:
        number, step = fault[0], ""
        if steps > 1:
            size = examples_of(given) // steps
            number, step = number % size, f" of batch {number // size}"
        raise SessionError(f"example {number}{step}: {fault[1]}")


def require_rows_of_data(entries: Iterable[Entry], data: Examples) -> None:
    """Raise `DataError` where a known sequence of a data set has a place without a row."""
    require_rows_of_examples(entries, data.lengths, f"{data.name}: example")


def require_rows_of_examples(
    entries: Iterable[Entry], given: Mapping[str, Batch], name: str
) -> None:
    """Raise `DataError` where one of these sequences has a place without a row."""
    for entry in entries:
        if (fault := too_long(entry.limits, given)) is not None:
            raise DataError(f"{name} {fault[0]}: {fault[1]}")


def steps_within(entries: Iterable[Entry], given: Mapping[str, Batch], steps: int) -> int:
    """How many of the steps come before the first one that has a sequence which is too long."""
    if not (limits := [limit for entry in entries for limit in entry.limits]):
        return steps
    fault = too_long(limits, given)
    return steps if fault is None else fault[0] // (examples_of(given) // steps)


def first_of(given: Batches, steps: int, wanted: int) -> Batches:
    """The rows of the first `wanted` of `steps` steps."""
    return of_rows(given, slice(wanted * (examples_of(given) // steps)))
