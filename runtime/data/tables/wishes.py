"""What an author wants done with the cells of a table: what becomes of gaps, which fields are
standardised, in which of them numbers are names, how dates are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    categories: frozenset[str] = frozenset()  # fields of classes whose numbers are names
    targets: frozenset[str] = frozenset()  # fields that are predicted, and read by no prediction

    @staticmethod
    def of(
        source: str, missing: str, standardised: str, dates: str, types: Mapping[str, TensorType],
        *, categories: str = "", is_known: bool = False,
    ) -> Wishes:  # fmt: skip
        """The wishes that these arguments of a source of tables express.

        Where the encoding `is_known`, fields that nobody reads now may be named.

        Raises `DataError` for words that mean nothing here.
        """
        if missing not in MISSING:
            known = ", ".join(f'"{name}"' for name in MISSING[1:])
            raise DataError(f'{source}: missing is one of {known}, not "{missing}"')
        flat = {name: type for name, type in types.items() if type.time is None}
        chosen = [
            named_fields(
                source, what, said, [n for n, t in flat.items() if t.kind is kind], is_known
            )
            for what, said, kind in (
                ("standardised names fields of numbers", standardised, Kind.REAL),
                ("categories names fields of classes", categories, Kind.INDEX),
            )
        ]
        return Wishes(source, missing, chosen[0], dates, chosen[1])

    @property
    def need_all(self) -> bool:
        """Whether all rows must be seen before the first can be read."""
        return bool(self.missing or self.standardised or self.categories)


def named_fields(
    source: str, what: str, said: str, known: Sequence[str], is_known: bool
) -> frozenset[str]:
    """The fields that an argument names, out of those that it may name, or all of these.

    Where the encoding `is_known`, others may be named.

    Raises `DataError` for one that is none of them.
    """
    parts = [part.strip() for part in said.split(",") if part.strip()]
    chosen = known if parts == ["all"] else parts
    unknown = [name for name in chosen if name not in known]
    if unknown and not is_known:
        of = f"; {unknown[0]} is none of {', '.join(known)}" if known else ", and there is none"
        raise DataError(f"{source}: {what}, or all{of}")
    return frozenset(chosen)
