"""Tables of text: CSV files as they come.

Which columns a field means stands in `gradc_runtime/data/tables/header.py`, what cells say in
`cells.py` there, and what becomes of categories, gaps and measures in `prepare.py`.  Columns that
no field means are ignored.  Of several files each has a header of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO, StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.line_blocks import MARK, LineBlocks, Piece, pieces_of
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.fast_csv import (
    SMALLEST,
    SMALLEST_PIECE,
    FastTable,
    below,
    is_plain,
)
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.readers.table_columns import (
    block,
    require_fields,
    require_known,
    whole,
    wishes_of,
)
from gradc_runtime.data.tables.cells import TextColumn
from gradc_runtime.data.tables.dialect import (
    LOOKED_AT,
    Dialect,
    Row,
    checked_dialect,
    dialect_of,
    rows_of,
    spelling_of_all,
)
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.data.tables.field_cells import FieldCells
from gradc_runtime.data.tables.header import Fields, Header
from gradc_runtime.data.tables.wishes import Wishes
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.not_text import not_utf8_file

Named = Mapping[str, str]
SETTINGS = (
    "separator", "decimal", "thousands", "header", "missing", "standardised", "dates", "categories",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """The text of a CSV file, or of a piece of one."""

    header: Header
    rows: Sequence[Row]

    def cells(self, fields: Fields, named: Named) -> list[list[TextColumn]]:
        """The cells of each field, column by column.

        Raises `DataError` for a row that has not a value for each column.
        """
        self.header.check_rows(self.rows)
        lines = [line for line, _ in self.rows]
        found = []
        for name, type in fields:
            columns = self.header.columns_of(name, type, named, fields)
            places = [self.header.places[column] for column in columns]
            texts = [[row[place] for _, row in self.rows] for place in places]
            about = zip(columns, texts, strict=True)
            found.append([TextColumn(self.header.file, name, lines, text) for name, text in about])
        return found


def csv(
    context: Context, file: str, separator: str = "", decimal: str = "", thousands: str = "",
    header: str = "yes", missing: str = "", standardised: str = "", dates: str = "",
    categories: str = "", **columns: str,
) -> Columns | LineBlocks:  # fmt: skip
    """The columns of CSV files, as they come (see below).

    Raises `DataError` for a field of sequences, and for a file that cannot be read.
    """
    fields, files = context.source.fields, context.files(file)
    usual = None if context.encoding is None else context.encoding.signs
    said = replace(checked_dialect(separator, decimal, thousands, header), usual=usual)
    wishes = wishes_of("csv", context, missing, standardised, dates, categories)
    check_fields(file, fields, columns)
    if context.is_streamed(path for path, _ in files):
        return in_blocks(file, files, (said, wishes, columns), context)
    tables = [read(path, name, said, context.head) for path, name in files]
    return whole(file, cells_of(tables, fields, columns), wishes, context)


def check_fields(file: str, fields: Fields, columns: Named) -> None:
    """Refuse a field of sequences, and a column for a field that is not declared.

    Raises `DataError`.
    """
    for name, type in fields:
        if type.time is not None:
            raise DataError(f"{file}: a table has no sequences such as {name}; use jsonl or npz")
    require_fields("csv", columns, dict(fields), SETTINGS)


def cells_of(tables: Sequence[Table | FastTable], fields: Fields, named: Named) -> list[FieldCells]:
    """The cells of each field, in all of several tables.

    Raises `DataError` for a row that has not a value for each column.
    """
    about = [(table.cells(fields, named), table.header.dialect) for table in tables]
    return [
        FieldCells(name, type, [(part[k], dialect) for part, dialect in about])
        for k, (name, type) in enumerate(fields)
    ]


def read(path: Path, file: str, said: Dialect, head: int) -> Table | FastTable:
    """A CSV file as a table, by whichever reader reads it; raises as `table` does."""
    slow = partial(table, path, file, said, head)
    if head or path.stat().st_size < SMALLEST:
        return slow()
    data = path.read_bytes().removeprefix(MARK)
    lines = TextIOWrapper(BytesIO(data), "utf-8", "replace", newline="")
    dialect = dialect_of(list(islice(lines, LOOKED_AT)), said, file)
    if not is_plain(data, dialect, SMALLEST):
        return slow()
    first = next(
        rows_of(StringIO(data[: 1 << 20].decode(errors="replace")), 1, file, dialect.separator)
    )
    header = Header.of(first[1], file, dialect)
    return FastTable(header, below(data, 1, header=dialect.header), slow)


def table(path: Path, file: str, said: Dialect, head: int = 0) -> Table:
    """A CSV file as a table; only its first rows, if `head` says how many.

    Raises `DataError` for a file that is no table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            dialect = dialect_of(list(islice(stream, LOOKED_AT)), said, file)
            stream.seek(0)
            lines = rows_of(stream, 1, file, dialect.separator)
            rows = list(islice(lines, head + 1 if head else None))
    except UnicodeDecodeError:
        raise not_utf8_file(path, file) from None
    header = Header.of(rows[0][1] if rows else [], file, dialect)
    rows = rows[1:] if dialect.header else rows
    if not rows:
        raise DataError(f"{file}: needs a header and at least one row of numbers")
    return Table(header, rows)


def in_blocks(
    origin: str, files: list[tuple[Path, str]], how: tuple[Dialect, Wishes, Named], context: Context
) -> LineBlocks:
    """The blocks of CSV files that are read in pieces.

    Raises `DataError` for one that is no table with a header, or where all rows must be seen before
    the first can be read.
    """
    said, wishes, named = how
    require_known(origin, wishes, context.encoding)
    pieces, headers = list[Piece](), dict[str, Header]()
    for path, name in files:
        headers[name], cut = header_and_pieces(path, name, said, context.block)
        pieces += cut
    parse = partial(parsed_piece, headers, context, (wishes, named))
    spelling = spelling_of_all(header.dialect for header in headers.values())
    found = Encoding(spelling=spelling) if spelling else None
    return LineBlocks(origin, pieces, context.block, parse, context.encoding or found)


def header_and_pieces(
    path: Path, name: str, said: Dialect, block: int
) -> tuple[Header, list[Piece]]:
    """The header of a file, and the pieces with its rows.

    Raises `DataError` for a file without rows.
    """
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
        dialect = dialect_of(list(islice(stream, LOOKED_AT)), said, name)
    cut = pieces_of(WatchedFile(path, name), block, partial(counted, dialect), quotes=True)
    found = [piece for piece in cut if piece.count]
    if sum(piece.count for piece in found) < 1 + dialect.header:
        raise DataError(f"{name}: needs a header and at least one row of numbers")
    first = found[0]
    header = Header.of(next(rows_in(first, dialect))[1], name, dialect, first.offset)
    return header, [replace(first, count=first.count - dialect.header), *found[1:]]


def parsed_piece(
    headers: dict[str, Header], context: Context, how: tuple[Wishes, Named], piece: Piece
) -> dict[str, np.ndarray]:
    """The fields of a piece."""
    wishes, named = how
    header = headers[piece.file.name]
    begins = piece.offset == header.offset and header.dialect.header

    def slow() -> Table:
        rows = list(rows_in(piece, header.dialect))
        return Table(header, rows[1:] if begins else rows)

    data = piece.file.read(piece.offset, piece.size).tobytes()
    is_fast = is_plain(data, header.dialect, SMALLEST_PIECE)
    found = below(data, piece.line, header=begins)
    table = FastTable(header, found, slow) if is_fast else slow()
    return block(cells_of([table], context.source.fields, named), wishes, context.encoding)


def counted(dialect: Dialect, data: bytes, piece: Piece) -> int:
    """How many rows a piece has that are not blank."""
    if b'"' not in data:
        return sum(line not in (b"", b"\r") for line in data.split(b"\n"))
    stream = StringIO(data.decode("latin-1"), newline="")
    return sum(1 for _ in rows_of(stream, 1, piece.name, dialect.separator))


def rows_in(piece: Piece, dialect: Dialect) -> Iterator[Row]:
    """The rows of a piece."""
    stream = StringIO(piece.text(), newline="")
    return rows_of(stream, piece.line, piece.file.name, dialect.separator)
