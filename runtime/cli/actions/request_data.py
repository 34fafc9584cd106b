"""The examples that a command reads: those of the spec, or of `--data`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradc_compiler.program.program import DataSource
from gradc_runtime.data import Dataset, Streamed, load
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.system.errors import SessionError

WITHOUT_LABELS = ("csv", "images")  # sources of rows that may be new


def load_data(
    session: Session, settings: Mapping[str, Any], folder: Path | None, allow_path: bool,
    encoding: Mapping[str, Any] | None, read: Collection[str] | None,
) -> Dataset | Streamed:  # fmt: skip
    """The examples; where paths of `--data` start is its `folder`, which it may also leave.

    Of a table only the fields that are `read` must be there, and what its numbers stand for is the
    `encoding` that an earlier run has found.
    """
    source = source_of(session)
    if read is not None and source.function in WITHOUT_LABELS:
        source = replace(source, fields=tuple(f for f in source.fields if f[0] in read))
    if folder is not None:
        source, allow_path = replace(source, directory=str(folder)), True
    how = resolve(session.training.settings, **settings)
    return load(
        source, dtype=session.dtype, seed=session.seed, allow_outside=allow_path,
        in_memory=how.in_memory, block=how.block, held_out=how.held_out,
        encoding=None if encoding is None else Encoding.of_data(encoding),
    )  # fmt: skip


def source_of(session: Session) -> DataSource:
    """The data declaration that the train block names.

    Raises `SessionError` where the spec declares no such data.
    """
    name = session.training.data
    for source in session.program.data:
        if source.name == name:
            return source
    raise SessionError(f"{session.program.name} declares no data called {name}")
