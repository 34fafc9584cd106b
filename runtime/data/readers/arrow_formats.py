"""How pyarrow reads the two kinds of files: which columns there are, and each part of them.

pyarrow before 16 is refused: some of its versions unpickled what a file's schema told them to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import advice
from gradc_runtime.system.files import one_line

OLDEST = 16  # version of pyarrow


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

    def part(self, path: Path, number: int, names: list[str], rows: int | None = None) -> Any:
        """Some columns of a part, or of its first rows."""
        file = self.opened(path)
        if rows is None:
            return file.read_row_group(number, columns=names, use_threads=False)
        batches = file.iter_batches(rows, [number], names, use_threads=False)
        return self.pa.Table.from_batches([next(batches)])


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

    def part(self, path: Path, number: int, names: list[str], rows: int | None = None) -> Any:
        """Some columns of a part, or of its first rows."""
        return self.opened(path, names).get_batch(number).slice(0, rows)


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
