"""How the table of a run is read, for what is built of its prediction: columns, cells, dialect."""

from __future__ import annotations

from typing import Any

from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import DataSource, TrainStep
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.request_data import source_of
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data import DataError
from gradc_runtime.data.readers import csv_table
from gradc_runtime.data.readers.arrow_formats import ArrowFormat, Format
from gradc_runtime.data.readers.reader_context import PATTERN, Context
from gradc_runtime.data.tables.dialect import Dialect, checked_dialect
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.data.tables.header import Header
from gradc_runtime.embed.table_reading import TableReading
from gradc_runtime.session.session import Session

TABLES = ("csv", "parquet", "arrow")
SETTINGS = csv_table.SETTINGS


def is_of_table(session: Session, request: Request) -> bool:
    """Whether a run was trained on a table, whose cells mean what it has found."""
    return (
        request.encoding is not None
        and session.program.training is not None
        and source_of(session).function in TABLES
    )


def reading_of(session: Session, request: Request, step: TrainStep) -> TableReading:
    """How a step's prediction reads a row.

    Raises `Refused` where the data is no table, or its columns are not known.
    """
    source = source_of(session)
    if source.function not in TABLES:
        raise Refused(f"a prediction reads a table in C, and these data are {source.function}(...)")
    assert step.predict is not None, "only steps that predict something are chosen"
    types = {name: session.fields[name] for name in session.program.entries[step.predict].inputs}
    settings: dict[str, Any] = {name: source.keywords.get(name, "") for name in SETTINGS}
    said = dialect(settings) if source.function == "csv" else Dialect(separator="", decimal="")
    header = header_of(source, said, request.allow_path)
    encoding = Encoding() if request.encoding is None else Encoding.of_data(request.encoding)
    return TableReading(
        encoding=encoding, types=types, dialect=said, drops=settings["missing"] == "drop",
        named=frozenset(source.keywords),
        columns={name: columns(source, name, type, header) for name, type in types.items()},
        predicted=step.predicted, answers={name: session.fields[name] for name in step.predicted},
    )  # fmt: skip


def dialect(settings: dict[str, Any]) -> Dialect:
    """How new tables are spelt, as far as the spec says."""
    return checked_dialect(
        settings["separator"], settings["decimal"], settings["thousands"],
        settings["header"] or "yes",
    )  # fmt: skip


def header_of(source: DataSource, said: Dialect, allow_path: bool) -> Header | None:
    """The header of the table that was trained on, if it is still there."""
    context = Context(source=source, allow_outside=allow_path, head=1)
    try:
        path, name = context.files(str(source.arguments[0]))[0]
        if source.function == "csv":
            return csv_table.table(path, name, said, 1).header
        kind = Format if source.function == "parquet" else ArrowFormat
        return Header.of(list(kind(source.function).schema(path).names), name, said)
    except (DataError, OSError, LookupError):
        return None


def columns(
    source: DataSource, name: str, type: TensorType, header: Header | None
) -> tuple[str, ...]:
    """The columns of a field, element by element.

    Raises `Refused` where only the table could say them, and it is gone.
    """
    named = {key: str(text) for key, text in source.keywords.items() if key not in SETTINGS}
    if header is not None:
        return tuple(header.columns_of(name, type, named, source.fields))
    text = named.get(name)
    if text is None:
        return tuple(f"{name}_{k}" for k in range(type.size)) if type.shape else (name,)
    found = (text,) if type.size == 1 else tuple(part.strip() for part in text.split(","))
    if PATTERN.intersection(text) or len(found) != type.size:
        raise Refused(
            f'{name} = "{text}": which columns these are, only {source.arguments[0]} says'
        )
    return found
