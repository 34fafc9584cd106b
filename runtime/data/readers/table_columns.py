"""From the cells of a table to the columns of a data set, whatever kind of file they come from.

A table that is in memory is encoded whole: what its numbers stand for is found on the rows that are
trained on, or is what an earlier run has found.  Of one that is read in blocks each block is
encoded alone, so what all rows must be seen for has to be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Batch
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.arrays.dataset import held_out_count
from gradc_runtime.data.arrays.examples import of_rows
from gradc_runtime.data.arrays.shuffle import SPLIT, permutation
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.data.tables.field_cells import FieldCells
from gradc_runtime.data.tables.prepare import Preparation
from gradc_runtime.data.tables.wishes import Wishes
from gradc_runtime.system.errors import DataError

WHOLE = "the whole table in memory: raise in_memory"


def whole(
    origin: str, cells: Sequence[FieldCells], wishes: Wishes, context: Context,
    others: Mapping[str, Batch] | None = None,
) -> Columns:  # fmt: skip
    """The columns of a table that is in memory; `others` are fields that are not encoded.

    Raises `DataError` where a cell means nothing, or no row is left.
    """
    made, others = Preparation(wishes, context.encoding, cells, bool(context.head)), others or {}
    made.read()
    count = rows = len(next(iter((*made.numbers.values(), *made.words.values(), *others.values()))))
    if complete := made.must_be_complete():
        rows = made.drop(complete)
        what = "gaps" if wishes.missing == "drop" else f"no {' or '.join(complete)}"
        some = f"{count - rows:,} row{'s' * (count - rows > 1)}"
        origin += f" ({some} with {what} left out)" if rows < count else ""
    made.require_complete()
    held = held_out_count(rows, context.held_out)
    training = np.sort(permutation(rows, context.split_seed, SPLIT)[held:])
    known = made.encoding(training) if context.encoding is None else context.encoding
    kept = made.kept if rows < count else None
    others = others if kept is None else of_rows(others, kept)
    arrays = {**made.encoded(known), **others}
    return Columns(origin=origin, arrays=arrays, by_name=True, encoding=known, kept=kept)


def block(
    cells: Sequence[FieldCells], wishes: Wishes, encoding: Encoding | None
) -> dict[str, np.ndarray]:
    """The fields of a block of a table, in the encoding that an earlier run has found.

    Raises `DataError` where a cell means nothing by itself.
    """
    known = Encoding() if encoding is None else encoding
    made = Preparation(wishes, known, cells)
    try:
        made.read()
    except DataError as fault:
        if encoding is not None or "is not a number" not in str(fault):
            raise
        said = str(fault).partition("; ")[0]
        raise DataError(f"{said}; categories and dates need {WHOLE}") from None
    made.require_complete()
    return made.encoded(known)


def wishes_of(
    function: str, context: Context, missing: str = "", standardised: str = "", dates: str = "",
    categories: str = "",
) -> Wishes:  # fmt: skip
    """What these arguments of a source of tables say is to be done with its rows.

    Raises `DataError` for words that mean nothing.
    """
    types, known = dict(context.source.fields), context.encoding is not None
    found = Wishes.of(
        function, missing, standardised, dates, types, categories=categories, is_known=known
    )
    probable = context.targets.probable & found.standardised
    if named := probable & {name.strip() for name in standardised.split(",")}:
        raise DataError(
            f"{function}: {min(named)} is 0 or 1, as its probability is predicted, and so is not"
            " standardised"
        )
    return replace(found, targets=context.targets.alone, standardised=found.standardised - probable)


def require_known(origin: str, wishes: Wishes, encoding: Encoding | None) -> None:
    """Refuse to read in blocks what needs all rows at once.

    Raises `DataError`.
    """
    if wishes.missing == "drop" or (wishes.need_all and encoding is None):
        raise DataError(f"{origin}: missing, standardised and categories need {WHOLE}")


def require_fields(
    function: str, columns: Mapping[str, Any], fields: Iterable[str], settings: Sequence[str]
) -> None:
    """Refuse a column that is named for a field that is not declared.

    Raises `DataError`.
    """
    known = list(fields)
    if unknown := [name for name in columns if name not in known]:
        raise DataError(
            f"{function}: {unknown[0]} is neither a field ({', '.join(known)}) nor a setting of"
            f" {function} ({', '.join(settings)})"
        )
