"""What a session is to be trained on: the spec's own source, or what is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import DTypeLike

from gradc_compiler.program.program import DataSource
from gradc_runtime.data import Dataset, Examples, Streamed, as_declared, from_arrays, load
from gradc_runtime.session.train_settings import Settings
from gradc_runtime.system.errors import SessionError

Given = Examples | Mapping[str, Any] | None


def training_data(
    source: DataSource, given: Given, settings: Settings, *, dtype: DTypeLike, seed: int
) -> Examples:
    """Data with the fields that a declaration wants, checked.

    Raises `SessionError` or `DataError` where it does not fit.
    """
    match given:
        case None:
            return load(
                source, dtype=dtype, seed=seed, in_memory=settings.in_memory, block=settings.block,
                held_out=settings.held_out, split_seed=settings.seed,
            )  # fmt: skip
        case Dataset():
            return as_declared(given, dict(source.fields), dtype)
        case Streamed():
            return given.as_declared(dict(source.fields), dtype)
        case Mapping():
            return from_arrays(source.fields, given, dtype=dtype, name=source.name)
    raise SessionError(f"data is a Dataset or arrays by name, not a {type(given).__name__}")
