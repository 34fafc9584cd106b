"""The examples that a command reads: those of the spec, of `--data`, or of a file with new ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradc_compiler.program.program import DataSource
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data import Dataset, Streamed, load
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.session.training_data import targets_of
from gradc_runtime.system.errors import SessionError

BY_NAME = {  # how a file is read whose kind is not that of the spec's own
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".jsonl": "jsonl", ".npz": "npz",
    ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow",
}  # fmt: skip
TABLES = ("csv", "parquet", "arrow")
SPELLING = ("separator", "decimal", "thousands", "header")  # settings of csv alone
NAMED = frozenset(BY_NAME.values())  # sources that know each field by its name
OTHERS = {"texts": ("csv", "jsonl")}  # kinds of files that a source reads in its own way
FOLDERS = ("images", "texts", "audio")  # sources whose new examples lie in no folder of a class


def load_data(
    session: Session, settings: Mapping[str, Any], folder: Path | None, allow_path: bool,
    encoding: Mapping[str, Any] | None, read: Collection[str] | None, *, validated: bool = True,
) -> Dataset | Streamed:  # fmt: skip
    """The examples; where paths of `--data` start is its `folder`, which it may also leave.

    Of a table only the fields that are `read` must be there, and what its numbers stand for is the
    `encoding` that an earlier run has found.
    """
    source = source_of(session)
    if read is not None or not validated:
        source = replace(source, validation=None)
    if read is not None:
        source = with_fields(source, read)
    if folder is not None:
        source, allow_path = replace(by_its_name(source), directory=str(folder)), True
    return loaded(session, source, settings, allow_path, encoding)


def load_file(
    session: Session, path: Path, settings: Mapping[str, Any], encoding: Mapping[str, Any] | None,
    read: Collection[str],
) -> Dataset | Streamed:  # fmt: skip
    """The fields that are `read` of new examples in a file, as the spec's own source reads it.

    Raises `Refused` for a file of which nobody can tell how it is read.
    """
    known = replace(source_of(session), validation=None)
    source = with_fields(of_file(known, path), read)
    return loaded(session, source, settings, True, encoding)


def loaded(
    session: Session, source: DataSource, settings: Mapping[str, Any], allow_path: bool,
    encoding: Mapping[str, Any] | None,
) -> Dataset | Streamed:  # fmt: skip
    """What a source gives."""
    how = resolve(session.training.settings, **settings)
    return load(
        source, dtype=session.dtype, seed=session.seed, allow_outside=allow_path,
        in_memory=how.in_memory, block=how.block, held_out=how.held_out,
        encoding=None if encoding is None else Encoding.of_data(encoding),
        targets=targets_of(session.program, session.training.steps),
    )  # fmt: skip


def with_fields(source: DataSource, read: Collection[str]) -> DataSource:
    """A source that knows fields by their names, without those that nobody reads."""
    if source.function not in (*NAMED, *FOLDERS):
        return source
    left = [name for name, _ in source.fields if name not in read]
    return replace(
        source,
        fields=tuple(field for field in source.fields if field[0] in read),
        keywords={name: value for name, value in source.keywords.items() if name not in left},
    )


def of_file(source: DataSource, path: Path) -> DataSource:
    """The same source for another file, or how the file's name says that it is read.

    Raises `Refused` where neither is known.
    """
    kind = BY_NAME.get(path.suffix.lower())
    kind = source.function if kind in OTHERS.get(source.function, ()) else kind
    takes_a_path = bool(source.arguments) and isinstance(source.arguments[0], str)
    if takes_a_path and kind in (None, source.function):
        arguments = (path.name, *source.arguments[1:])
        return replace(source, arguments=arguments, directory=str(path.parent), place="")
    if kind is None:
        known = ", ".join(BY_NAME)
        raise Refused(f"{path}: how is it read? known are {known}, and NAME=FILE.npy")
    other = of_kind(source, kind)
    return replace(other, arguments=(path.name,), directory=str(path.parent), place="")


def by_its_name(source: DataSource) -> DataSource:
    """A table whose file is one of another kind, read as the file's name says."""
    if source.function not in TABLES or not source.arguments:
        return source
    kind = BY_NAME.get(Path(str(source.arguments[0])).suffix.lower(), source.function)
    return of_kind(source, kind) if kind in TABLES else source


def of_kind(source: DataSource, kind: str) -> DataSource:
    """The same declaration for a file of another kind: of tables, what is said of columns holds."""
    kept = source.keywords if kind in TABLES and source.function in TABLES else {}
    if kind != "csv":
        kept = {name: value for name, value in kept.items() if name not in SPELLING}
    return replace(source, function=kind, keywords=kept)


def file_like(session: Session) -> str | None:
    """What a file with more of the spec's data could be called, where its fields have names."""
    source = source_of(session)
    known = source.function in NAMED and source.arguments
    return f"NEW{Path(str(source.arguments[0])).suffix}" if known else None


def is_whole_text(session: Session, file: str) -> bool:
    """Whether a file is one text: those of the spec lie in a folder, one in each file."""
    source = source_of(session)
    if source.function != "texts" or not source.arguments or Path(file).suffix.lower() != ".txt":
        return False
    own = Path(source.directory, str(source.arguments[0]))
    return own.is_dir() or not (own.exists() or own.suffix)


def source_of(session: Session) -> DataSource:
    """The data declaration that the train block names.

    Raises `SessionError` where the spec declares no such data.
    """
    name = session.training.data
    for source in session.program.data:
        if source.name == name:
            return source
    raise SessionError(f"{session.program.name} declares no data called {name}")
