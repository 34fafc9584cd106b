"""Tables of columns: Parquet, and Arrow's own files (`.arrow`, Feather), both read by pyarrow.

Fields mean columns as they do in a CSV file, and what becomes of categories, dates, gaps and
measures is the same (`table_columns.py`); besides, a vector or a sequence may be a column of lists.
A table is read by its row groups (record batches), each of them whole, whether all are wanted at
once or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Ragged, joined
from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.arrow_cells import OF_FILES, cells, columns_of, require_readable
from gradc_runtime.data.readers.arrow_formats import ArrowFormat, Format, unchanged
from gradc_runtime.data.readers.arrow_values import sequences
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.readers.table_columns import block as encoded_block
from gradc_runtime.data.readers.table_columns import require_fields, require_known, whole, wishes_of
from gradc_runtime.data.tables.cells import Column
from gradc_runtime.data.tables.field_cells import FieldCells
from gradc_runtime.data.tables.header import Fields, Header
from gradc_runtime.data.tables.wishes import Wishes
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.files import require_memory

SETTINGS = ("missing", "standardised", "dates", "categories")
Wanted = Mapping[str, list[str]]  # the columns of each field


@dataclass(frozen=True)
class Part:
    """A row group, or a record batch."""

    file: WatchedFile
    number: int
    count: int  # of examples
    size: int  # bytes that it takes, as far as its file says
    first: int  # the number of its first example in the file

    @property
    def name(self) -> str:
        """Which examples of which file, for messages."""
        name = self.file.name
        return name if not self.first else f"{name}, from example {self.first:,} on"


@dataclass(frozen=True)
class PartCells:
    """The fields of a part: cells of columns, and sequences."""

    cells: Mapping[str, list[Column]]
    sequences: Mapping[str, Ragged]


class TableBlocks:
    """Tables in parts, and what makes examples of them."""

    held_out = None
    variation = None
    names = None

    def __init__(
        self, origin: str, format: Format, parts: list[Part], context: Context,
        how: tuple[Wishes, Mapping[str, str]],
    ) -> None:  # fmt: skip
        self.origin, self.format, self.block = origin, format, context.block
        self.fields, self.encoding = context.source.fields, context.encoding
        self.wishes, self.named = how
        self.parts = [part for part in parts if part.count]
        self.counts = np.array([part.count for part in self.parts], np.int64)
        if not self.parts:
            raise DataError(f"{origin}: there are no examples")

    def read(self, block: int) -> Columns:
        """The examples of a part.

        Raises `DataError` where they cannot be read.
        """
        found = self.part(block)
        arrays = self.encoded(found) | dict(found.sequences)
        return Columns(origin=self.parts[block].name, arrays=arrays, by_name=True)

    def encoded(self, part: PartCells) -> dict[str, Any]:
        """The fields of a part that are no sequences."""
        return encoded_block(cells_of(self.fields, [part]), self.wishes, self.encoding)

    def part(self, number: int, rows: int | None = None) -> PartCells:
        """The cells of a part, or of its first rows.

        Raises `DataError` where they cannot be read.
        """
        part = self.parts[number]
        require_memory(part.size, f"{part.name}: a part of {part.count:,} examples")
        path = part.file.path
        with unchanged(part.file, self.format.what):
            schema = self.format.schema(path)
            wanted = columns_wanted(schema, self.fields, self.named, part.file.name)
            names = list(dict.fromkeys(name for columns in wanted.values() for name in columns))
            table = self.format.part(path, part.number, names, rows)
            table.validate(full=True)  # offsets of lists may say anything, and are followed
            return part_cells(table, wanted, dict(self.fields), part)


def tables(
    context: Context, text: str, format: Format, wishes: Wishes, named: Mapping[str, str]
) -> Columns | TableBlocks:
    """The fields of all files that a path or a pattern means."""
    files, fields = context.files(text), context.source.fields
    watched = [WatchedFile(path, name) for path, name in files]
    parts = [part for file in watched for part in parts_in(file, format, fields, named)]
    blocks = TableBlocks(text, format, parts, context, (wishes, named))
    if context.is_streamed(path for path, _ in files):
        require_known(text, wishes, context.encoding)
        return blocks
    found = parts_of(blocks, context.head)
    sequences = {
        name: joined([part.sequences[name] for part in found])
        for name, type in fields
        if type.time is not None
    }
    return whole(text, cells_of(fields, found), wishes, context, sequences)


def parts_in(
    file: WatchedFile, format: Format, fields: Fields, named: Mapping[str, str]
) -> Iterator[Part]:
    """The parts of a file, once it is known to have the columns of the fields."""
    with unchanged(file, format.what):
        wanted = columns_wanted(format.schema(file.path), fields, named, file.name)
        sizes = format.sizes(file.path, next(iter(wanted.values()))[0])
    first = 0
    for number, (count, size) in enumerate(sizes):
        yield Part(file, number, count, size, first)
        first += count


def parts_of(blocks: TableBlocks, head: int) -> list[PartCells]:
    """All parts, or the first rows of the first one."""
    return [blocks.part(0, head)] if head else [blocks.part(k) for k in range(len(blocks.parts))]


def cells_of(fields: Fields, parts: Sequence[PartCells]) -> list[FieldCells]:
    """The cells of each field that is no sequence, in all parts."""
    return [
        FieldCells(name, type, [(part.cells[name], OF_FILES) for part in parts])
        for name, type in fields
        if type.time is None
    ]


def part_cells(
    table: Any, wanted: Wanted, types: Mapping[str, TensorType], part: Part
) -> PartCells:
    """The columns that fields mean, as cells or as sequences."""
    found, runs, file = dict[str, list[Column]](), dict[str, Ragged](), part.file.name
    for field, names in wanted.items():
        arrays = [one_piece(table.column(name)) for name in names]
        if types[field].time is not None:
            runs[field] = sequences(arrays[0], f"{part.name}: column {names[0]}")
            continue
        columns = zip(arrays, names, strict=True)
        found[field] = [cells(array, file, name, part.first) for array, name in columns]
    return PartCells(found, runs)


def columns_wanted(schema: Any, fields: Fields, named: Mapping[str, str], file: str) -> Wanted:
    """The columns of each field, by their names in the file.

    Raises `DataError` where one is missing, or is of things that are not read.
    """
    names = list(schema.names)
    header = Header.of(names, file, OF_FILES)
    found = {}
    for field in fields:
        columns = columns_of(header, schema, field, named, fields)
        places = [header.places[column] for column in columns]
        for place in places:
            require_readable(schema.field(place).type, f"{file}: column {names[place]}")
        found[field[0]] = [names[place] for place in places]
    return found


def one_piece(column: Any) -> Any:
    """A column in one piece."""
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def parquet(
    context: Context, file: str, missing: str = "", standardised: str = "", dates: str = "",
    categories: str = "", **columns: str,
) -> Columns | TableBlocks:  # fmt: skip
    """The columns of Parquet files, as they come (see below)."""
    wishes = wishes_of("parquet", context, missing, standardised, dates, categories)
    require_fields("parquet", columns, dict(context.source.fields), SETTINGS)
    return tables(context, file, Format("parquet"), wishes, columns)


def arrow(
    context: Context, file: str, missing: str = "", standardised: str = "", dates: str = "",
    categories: str = "", **columns: str,
) -> Columns | TableBlocks:  # fmt: skip
    """The columns of Arrow (Feather) files, as they come (see below)."""
    wishes = wishes_of("arrow", context, missing, standardised, dates, categories)
    require_fields("arrow", columns, dict(context.source.fields), SETTINGS)
    return tables(context, file, ArrowFormat("arrow"), wishes, columns)
