"""The columns that a source found, under its own names, and which one each field means.

A field is the column of its name, or else the first one left that fits its kind and shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.alphabet import Alphabet
from gradc_runtime.data.arrays.mend import mend
from gradc_runtime.data.arrays.variation import Variation
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError

MOST_NAMED = 20  # arrays, in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a source found: arrays under its own names, and the test part it comes with."""

    origin: str  # "houses.csv", "iris()": for messages
    arrays: Mapping[str, Any]  # an array, a `Ragged`, or a list of arrays each
    held_out: Mapping[str, Any] | None = None
    by_name: bool = False  # the author chose the names, so they must match
    alphabet: Alphabet | None = None  # what the classes of its texts stand for
    encoding: Encoding | None = None  # what the numbers of its fields stand for
    variation: Variation | None = None  # how examples are varied when they are trained on
    kept: np.ndarray | None = None  # numbers of its rows, where some were left out
    names: tuple[str, ...] | None = None  # of the file that each example lies in


def assign(types: Mapping[str, TensorType], columns: Columns) -> dict[str, str]:
    """For each field, the column it means."""
    chosen = {field: field for field in types if field in columns.arrays}
    for field, type in types.items():
        if field not in chosen:
            left = [c for c in columns.arrays if c not in chosen.values()]
            chosen[field] = pick(field, type, columns, left)
    return {field: chosen[field] for field in types}


def pick(field: str, type: TensorType, columns: Columns, left: list[str]) -> str:
    """The first column left that fits a field whose name no column has.

    Raises `DataError` where no column fits.
    """
    if not columns.by_name:
        kinds = "bui" if type.kind is Kind.INDEX else "fbui"
        for kind in kinds:
            for name in left:
                if could_be(columns.arrays[name], type, kind):
                    return name
    known = list(columns.arrays.items())
    has = ", ".join(f"{name} {form(given)}" for name, given in known[:MOST_NAMED])
    has += ", ..." * (len(known) > MOST_NAMED)
    near = get_close_matches(field, left, n=1)
    hint = f"; did you mean {near[0]}?" if near else resembling(type, columns, left)
    raise DataError(f"{columns.origin}: nothing fits field {field} : {type}; it has {has}{hint}")


def could_be(given: Any, type: TensorType, kind: str) -> bool:
    """Whether a column holds this kind of number in tensors, or sequences, of this type."""
    if isinstance(given, Ragged):
        sequence = given.values.dtype.kind == kind and given.values.shape[1:] == type.shape
        return sequence and type.time is not None
    axes = 1 if type.time is None else 2
    fits = given.ndim >= axes and given.shape[axes:] == type.shape
    return bool(given.dtype.kind == kind and fits)


def resembling(type: TensorType, columns: Columns, left: list[str]) -> str:
    """How to reshape the first column left that has as many numbers per example as the field."""
    arrays = [columns.arrays[name] for name in left if type.time is None]
    shapes = [given.shape[1:] for given in arrays if isinstance(given, np.ndarray)]
    return next((tail for shape in shapes if (tail := mend(shape, type.shape))), "")


def form(given: Any) -> str:
    """The shape of a column's examples, for a message."""
    if isinstance(given, Ragged):
        return f"seq {list(given.values.shape[1:])}"
    return str(list(given.shape[1:])) if isinstance(given, np.ndarray) else "(a list)"
