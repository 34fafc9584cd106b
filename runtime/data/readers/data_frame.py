"""A data frame as a table: of pandas, Polars, or whatever has columns with a name and a list.

Fields mean columns as they do in a CSV file, and where the spec reads one, what it asks of that
(`standardised`, `missing`, other names) is done here too.  Words are classes, gaps stay gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.csv_table import Table, cells_of, check_fields
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.readers.table_columns import whole, wishes_of
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.data.tables.header import Fields, Header
from gradc_runtime.system.errors import DataError

ORIGIN = "data frame"
OF_TABLES = ("csv", "parquet", "arrow")  # sources whose settings hold for a frame, too
OF_ROWS = (
    "missing",
    "standardised",
    "dates",
    "categories",
)  # what they do to rows once these are read
OF_TEXT = ("separator", "decimal", "thousands", "header")  # how a file is spelt: here nothing is
WHOLE = 1e15  # below it such a number is read as it is written
GAPS = ("NAType", "NaTType", "NoneType")


def is_frame(given: object) -> bool:
    """Whether an object has columns by name, as a data frame has."""
    return all(hasattr(given, name) for name in ("columns", "to_numpy"))


def frame_columns(frame: Any, context: Context) -> Columns:
    """The fields of a declaration, from the columns of a data frame.

    Raises `DataError` where a field has no column, or a cell means nothing.
    """
    source = context.source
    said = dict(source.keywords) if source.function in OF_TABLES else {}
    wishes = wishes_of(ORIGIN, context, *(str(said.pop(name, "")) for name in OF_ROWS))
    named = {name: str(text) for name, text in said.items() if name not in OF_TEXT}
    check_fields(ORIGIN, source.fields, named)
    table = frame_table(frame, source.fields, named)
    return whole(ORIGIN, cells_of([table], source.fields, named), wishes, context)


def frame_table(frame: Any, fields: Fields, named: Mapping[str, str]) -> Table:
    """The cells of the columns that fields mean, as text; all other cells are empty.

    Raises `DataError` where a field has no column, or there is no row.
    """
    header = Header.of([str(name) for name in frame.columns], ORIGIN, Dialect())
    wanted = {c for name, type in fields for c in header.columns_of(name, type, named, fields)}
    if not len(frame):
        raise DataError(f"{ORIGIN}: it has no rows")
    columns = [
        spelt(frame[name].to_list()) if str(name) in wanted else [""] * len(frame)
        for name in frame.columns
    ]
    return Table(header, [(line, list(row)) for line, row in enumerate(zip(*columns, strict=True))])


def spelt(values: Sequence[Any]) -> list[str]:
    """The cells of a column as text."""
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    if type(value).__name__ in GAPS or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))  # beside gaps, pandas makes whole numbers of these
    return str(value)
