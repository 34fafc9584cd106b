"""Inputs as checked arrays: the one place where a user's inputs meet the declared types.

`check_inputs` fits each array or sequence to its type (`validate.conform`), sees that all of them
have equally many examples, and adds the lengths of each time.  It returns `Batches`, and so does
every selection from them: code that is handed `Batches` neither converts nor checks again, and
kernels read the memory as it lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NewType

from numpy.typing import DTypeLike

from gradc_compiler.graph.ragged import Batch
from gradc_compiler.graph.types import TensorType
from gradc_runtime.data.arrays.validate import conform, lengths_of, require_finite
from gradc_runtime.system.errors import DataError

Batches = NewType("Batches", dict[str, Batch])
"""By name an array `[N, *shape]` or N sequences, and `length/NAME` [N] of each time: contiguous, of
the width of the session, labels within their classes.
"""


def check_inputs(
    given: Mapping[str, Any],
    types: Mapping[str, TensorType],
    dtype: DTypeLike,
    *,
    origin: str | None = None,
) -> Batches:
    """The given inputs, checked; for a data set (`origin`), every number must be finite too.

    Raises `DataError` where something does not fit its type, or beside the others.
    """
    start, found = "" if origin is None else f"{origin}: ", dict[str, Batch]()
    for name, value in given.items():
        label = f"{start}{name}"
        found[name] = conform(value, types[name], name=label, dtype=dtype)
        if origin is not None:
            require_finite(found[name], label)
    require_equal_counts(found, origin)
    try:
        return Batches(found | lengths_of(found, types))
    except DataError as fault:
        raise DataError(f"{start}{fault}") from None


def require_equal_counts(found: Mapping[str, Batch], origin: str | None) -> None:
    """Refuse inputs, or fields of a data set, that differ in their number of examples or have none.

    Raises `DataError`.
    """
    counts = {name: len(batch) for name, batch in found.items()}
    if len({*counts.values()}) <= 1 and 0 not in counts.values():
        return
    listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
    if origin is None:
        raise DataError(f"inputs need the same number of examples, at least one: {listed}")
    if len({*counts.values()}) > 1:
        raise DataError(f"{origin}: fields differ in their number of examples: {listed}")
    raise DataError(f"{origin}: there are no examples")
