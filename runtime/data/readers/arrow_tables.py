"""Tables of columns: Parquet, and Arrow's own files (`.arrow`, Feather), both read by pyarrow.

A field is the column of its name: of numbers, or of lists of numbers for vectors and sequences; or
else a vector is the columns `name_0`, `name_1`, ... as in a CSV file.  A table is read by its row
groups (record batches), each of them whole, whether all are wanted at once or not.  pyarrow before
16 is refused: some of its versions unpickled what a file's schema told them to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Batch, joined
from gradc_compiler.graph.types import TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.readers.arrow_values import dense, require_numbers, sequences
from gradc_runtime.data.readers.reader_context import Context
from gradc_runtime.data.tables.dialect import Dialect
from gradc_runtime.data.tables.header import Header
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import advice
from gradc_runtime.system.files import one_line, require_memory

OLDEST = 16  # version of pyarrow
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


class TableBlocks:
    """Tables in parts, and what makes examples of them."""

    held_out = None
    encoding = None
    variation = None

    def __init__(
        self, origin: str, format: Format, parts: list[Part], context: Context, wanted: Wanted
    ) -> None:
        self.origin, self.format, self.block = origin, format, context.block
        self.types, self.wanted = dict(context.source.fields), wanted
        self.parts = [part for part in parts if part.count]
        self.counts = np.array([part.count for part in self.parts], np.int64)
        if not self.parts:
            raise DataError(f"{origin}: there are no examples")

    def read(self, block: int) -> Columns:
        """The examples of a part.

        Raises `DataError` where they cannot be read.
        """
        part = self.parts[block]
        require_memory(part.size, f"{part.name}: a part of {part.count:,} examples")
        names = [name for columns in self.wanted.values() for name in columns]
        with unchanged(part.file, self.format.what):
            table = self.format.part(part.file.path, part.number, names)
            table.validate(full=True)  # offsets of lists may say anything, and are followed
            arrays = {
                field: column(table, columns, self.types[field], part.name)
                for field, columns in self.wanted.items()
            }
        return Columns(origin=part.name, arrays=arrays, by_name=True)


class Format:
    """How one kind of file is read."""

    what = "a Parquet file"

    def __init__(self, source: str) -> None:
        self.pa, self.library = pyarrow(source), pyarrow(source, "pyarrow.parquet")

    def opened(self, path: Path) -> Any:
        """The file as pyarrow opens it."""
        return self.library.ParquetFile(self.pa.OSFile(str(path)), pre_buffer=False)

    def schema(self, path: Path) -> Any:
        """The names and types of the columns."""
        return self.opened(path).schema_arrow

    def sizes(self, path: Path, name: str) -> list[tuple[int, int]]:
        """Examples and bytes of each part; `name` is a column of them."""
        about = self.opened(path).metadata
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        return [(group.num_rows, group.total_byte_size) for group in groups]

    def part(self, path: Path, number: int, names: list[str]) -> Any:
        """Some columns of a part."""
        return self.opened(path).read_row_group(number, columns=names, use_threads=False)


class ArrowFormat(Format):
    """Arrow's own files: those that end with a list of their record batches."""

    what = "an Arrow file"

    def __init__(self, source: str) -> None:
        self.pa, self.library = pyarrow(source), pyarrow(source, "pyarrow.ipc")

    def opened(self, path: Path, names: list[str] | None = None) -> Any:
        """The file as pyarrow opens it; only the named columns will be read."""
        options = self.library.IpcReadOptions(use_threads=False)
        if names is not None:
            schema = self.schema(path)
            options.included_fields = [schema.get_field_index(name) for name in names]
        return self.library.open_file(self.pa.OSFile(str(path)), options=options)

    def schema(self, path: Path) -> Any:
        """The names and types of the columns."""
        return self.opened(path).schema

    def sizes(self, path: Path, name: str) -> list[tuple[int, int]]:
        """Examples of each part; a column is read for it."""
        file = self.opened(path, [name])
        return [(file.get_batch(n).num_rows, 0) for n in range(file.num_record_batches)]

    def part(self, path: Path, number: int, names: list[str]) -> Any:
        """Some columns of a part."""
        return self.opened(path, names).get_batch(number)


def pyarrow(source: str, module: str = "pyarrow") -> Any:
    """A module of pyarrow, imported only when it is asked for.

    Raises `DataError` where it is not installed, or too old.
    """
    try:
        found = import_module(module)
        version = import_module("pyarrow").__version__
    except ImportError:
        raise DataError(advice("pyarrow", f"{source}()")) from None
    if int(version.split(".")[0]) < OLDEST:
        raise DataError(f"{source}() needs pyarrow {OLDEST} or newer, not {version}")
    return found


@contextmanager
def unchanged(file: WatchedFile, what: str) -> Iterator[None]:
    """Around the use of pyarrow: what is wrong, where the file was changed or is none.

    Raises `DataError`.
    """
    file.require_unchanged()
    try:
        with one_line(file.name, what):
            yield
    finally:
        file.require_unchanged()


def tables(context: Context, text: str, format: Format) -> Columns | TableBlocks:
    """The fields of all files that a path or a pattern means."""
    files, parts = context.files(text), list[Part]()
    wanted: Wanted = {}
    for path, name in files:
        file = WatchedFile(path, name)
        with unchanged(file, format.what):
            wanted = columns_wanted(format.schema(path), context, name)
            sizes = format.sizes(path, next(iter(wanted.values()))[0])
        first = 0
        for number, (count, size) in enumerate(sizes):
            parts.append(Part(file, number, count, size, first))
            first += count
    blocks = TableBlocks(text, format, parts, context, wanted)
    if context.is_streamed(path for path, _ in files):
        return blocks
    read = [blocks.read(block).arrays for block in range(len(blocks.parts))]
    arrays = {name: joined([part[name] for part in read]) for name in wanted}
    return Columns(origin=text, arrays=arrays, by_name=True)


def columns_wanted(schema: Any, context: Context, file: str) -> Wanted:
    """The columns of each field.

    Raises `DataError` where one is missing, or is not of numbers.
    """
    header, fields = Header.of(list(schema.names), file, Dialect()), context.source.fields
    found = {}
    for name, type in fields:
        alone = name in header.places or type.time is not None
        found[name] = header.columns_of(name, TensorType() if alone else type, {}, fields)
        for column in found[name]:
            require_numbers(schema.field(column).type, f"{file}: column {column}")
    return found


def column(table: Any, names: list[str], type: TensorType, place: str) -> Batch:
    """A field of a part, from its columns."""
    arrays = [whole(table.column(name)) for name in names]
    places = [f"{place}: column {name}" for name in names]
    if type.time is not None:
        return sequences(arrays[0], places[0])
    if len(names) == 1:
        return dense(arrays[0], places[0])
    flat = [dense(*pair) for pair in zip(arrays, places, strict=True)]
    return np.stack(flat, axis=1).reshape(-1, *type.shape)


def whole(column: Any) -> Any:
    """A column in one piece."""
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def parquet(context: Context, file: str) -> Columns | TableBlocks:
    """The columns of Parquet files, by name."""
    return tables(context, file, Format("parquet"))


def arrow(context: Context, file: str) -> Columns | TableBlocks:
    """The columns of Arrow (Feather) files, by name."""
    return tables(context, file, ArrowFormat("arrow"))
