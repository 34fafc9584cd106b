"""What an author wants done with the cells of a table: what becomes of gaps, which fields are
standardised, how dates are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import DataError

FILLED: Mapping[str, Callable[..., Any]] = {"mean": np.nanmean, "median": np.nanmedian}
MISSING = ("", *FILLED, "class", "drop")


@dataclass(frozen=True)
class Wishes:
    """What the author wants done with the cells of a table, once checked."""

    source: str  # `csv`, for messages
    missing: str
    standardised: frozenset[str]
    dates: str
    targets: frozenset[str] = frozenset()  # fields that are predicted, and read by no prediction

    @staticmethod
    def of(
        source: str, missing: str, standardised: str, dates: str, types: Mapping[str, TensorType],
        *, is_known: bool = False,
    ) -> Wishes:  # fmt: skip
        """The wishes that these arguments of a source of tables express.

        Where the encoding `is_known`, fields that nobody reads now may be named.

        Raises `DataError` for words that mean nothing here.
        """
        if missing not in MISSING:
            known = ", ".join(f'"{name}"' for name in MISSING[1:])
            raise DataError(f'{source}: missing is one of {known}, not "{missing}"')
        flat = {name: type for name, type in types.items() if type.time is None}
        real = [name for name, type in flat.items() if type.kind is Kind.REAL]
        parts = [part.strip() for part in standardised.split(",") if part.strip()]
        chosen = real if parts == ["all"] else parts
        unknown = [name for name in chosen if name not in real]
        if unknown and not is_known:
            raise DataError(
                f"{source}: standardised names fields of numbers, or all; {unknown[0]} is none of"
                f" {', '.join(real)}"
            )
        return Wishes(source, missing, frozenset(chosen), dates)

    @property
    def need_all(self) -> bool:
        """Whether all rows must be seen before the first can be read."""
        return bool(self.missing or self.standardised)
