"""Small files that are read as large ones are, and the same files loaded whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.types import TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import Dataset, Streamed, load
from gradc_runtime.session.session import Session
from tests.runtime import linear


def both(
    folder: Path, function: str, *arguments: str, block: int = 200, **fields: TensorType
) -> tuple[Streamed, Dataset]:
    """The examples of a source: read in blocks, and loaded whole."""
    whole = load(source(folder, function, *arguments, **fields))
    assert isinstance(whole, Dataset)
    return streamed(folder, function, *arguments, block=block, **fields), whole


def streamed(
    folder: Path, function: str, *arguments: str, block: int = 200, **fields: TensorType
) -> Streamed:
    """The examples of a source, read in blocks."""
    found = load(source(folder, function, *arguments, **fields), in_memory=0, block=block)
    assert isinstance(found, Streamed)
    return found


def source(folder: Path, function: str, *arguments: str, **fields: TensorType) -> DataSource:
    """A declaration whose spec lies in a folder."""
    return DataSource(
        name="d", fields=tuple(fields.items()), function=function, arguments=arguments,
        directory=str(folder),
    )  # fmt: skip


def line_files(folder: Path, examples: int = 253) -> None:
    """`x.npy` and `y.npy`, of the plane that `linear` fits."""
    data = linear.examples(examples)
    np.save(folder / "x.npy", np.asarray(data.arrays["x"]))
    np.save(folder / "y.npy", np.asarray(data.arrays["y"]))


def line(folder: Path, block: int = 200) -> Streamed:
    """The files of `line_files`, read in blocks."""
    return streamed(folder, "npy", "x.npy", "y.npy", block=block, **dict(linear.FIELDS))


def words(session: Session) -> Any:
    """All that a run changes."""
    return session.memory.words.copy()
