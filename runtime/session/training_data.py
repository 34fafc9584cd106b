"""The data that a session trains on: the source that the spec names, or data of the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import DTypeLike

from gradc_compiler.program.program import DataSource, Program, TrainStep
from gradc_runtime.data import Dataset, Examples, Streamed, as_declared, from_arrays, load
from gradc_runtime.data.arrays.dataset import from_columns
from gradc_runtime.data.readers.data_frame import frame_columns, is_frame
from gradc_runtime.data.readers.reader_context import NOTHING_PREDICTED, Context, Targets
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.predicting import OF_ONE
from gradc_runtime.session.train_settings import Settings
from gradc_runtime.system.errors import SessionError

Given = Examples | Mapping[str, Any] | Any | None  # or a data frame


def training_data(
    source: DataSource, given: Given, settings: Settings, *, dtype: DTypeLike, seed: int,
    encoding: Encoding | None = None, targets: Targets = NOTHING_PREDICTED,
) -> Examples:  # fmt: skip
    """Data with the fields that a declaration wants, checked; tables in an `encoding`, if known.

    Raises `SessionError` or `DataError` where it does not fit.
    """
    split: dict[str, Any] = {"held_out": settings.held_out, "split_seed": settings.seed}
    split["targets"] = targets
    match given:
        case None:
            how = {"in_memory": settings.in_memory, "block": settings.block}
            return load(source, dtype=dtype, seed=seed, **how, **split, encoding=encoding)
        case Dataset():
            return as_declared(given, dict(source.fields), dtype)
        case Streamed():
            return given.as_declared(dict(source.fields), dtype)
        case Mapping():
            return from_arrays(source.fields, given, dtype=dtype, name=source.name)
        case _ if is_frame(given):
            context = Context(source=source, seed=seed, encoding=encoding, **split)
            return from_columns(dict(source.fields), frame_columns(given, context), dtype)
    raise no_data(given, source)


def no_data(given: object, source: DataSource) -> SessionError:
    """The error for what is no data, which says what is."""
    kinds = f"a Dataset, a data frame or arrays by name, as in {by_name(source)}"
    return SessionError(f"data is {kinds}; not of type {type(given).__name__}")


def targets_of(program: Program, steps: Iterable[TrainStep]) -> Targets:
    """The fields that some step predicts."""
    found, read, probable = set[str](), set[str](), set[str]()
    for step in steps:
        if step.predict is not None:
            found |= {*step.predicted}
            read |= {*program.entries[step.predict].inputs}
            probable |= {name for name, meaning in step.predicted.items() if meaning in OF_ONE}
    return Targets(frozenset(found - read), frozenset(probable))


def by_name(source: DataSource) -> str:
    """How arrays of a source's fields are handed to `train`."""
    return f"train({{{', '.join(f'{name!r}: ...' for name, _ in source.fields)}}})"


def of_frame(
    source: DataSource, frame: Any, read: Sequence[str], encoding: Encoding | None
) -> dict[str, Any]:
    """The columns of a data frame that are read, as arrays by field.

    Raises `SessionError` for what is no data frame, `DataError` where a column is missing.
    """
    if not is_frame(frame):
        raise SessionError(
            f"new rows are a data frame, or arrays by name; not {type(frame).__name__}"
        )
    fields = tuple(field for field in source.fields if field[0] in read)
    context = Context(source=replace(source, fields=fields), encoding=encoding)
    return dict(frame_columns(frame, context).arrays)
