"""What `gradc diff` found, as a table with witnesses below it, or as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.study import numbers
from gradc_runtime.cli.actions.counter_example import at_text
from gradc_runtime.cli.actions.diff_sides import DiffSide
from gradc_runtime.cli.actions.diff_values import Witness
from gradc_runtime.cli.actions.output import console, table, write

MOST_NAMED = 3  # names of one kind that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffFinding:
    """One thing that was compared."""

    part: str  # parameters, shapes, values, gradient, training, cost
    about: str
    said: str
    differs: bool = False
    witness: Witness | None = None


def few(names: Sequence[str]) -> str:
    """The first names, and how many there are beside."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def show(found: Sequence[DiffFinding], sides: tuple[DiffSide, DiffSide]) -> None:
    """A table, and below it every witness."""
    rows = [[one.part, one.about, one.said, "differs" * one.differs] for one in found]
    console().print(table(["part", "of what", "", ""], rows))
    for one in found:
        if one.witness is not None:
            write("\n".join([*witness_lines(one, sides), ""]))


def witness_lines(one: DiffFinding, sides: tuple[DiffSide, DiffSide]) -> Iterator[str]:
    """An input at which an output differs, with both numbers."""
    found = one.witness
    assert found is not None, "asked for where there is one"
    yield f"{one.about} differs"
    for side, array in zip(sides, (found.a, found.b), strict=True):
        yield f"    {numbers.tensor_text(np.squeeze(array))} in {side.name}"
    for given in (found.inputs, found.parameters):
        if given:
            yield f"    at {at_text(given)}"
    if found.began is not None:
        name, line, other = found.began
        yield f"    {name} is the first named value that differs: lines {line} and {other}"


def data_of(one: DiffFinding) -> dict[str, Any]:
    """A finding as data."""
    data = {"part": one.part, "about": one.about, "said": one.said, "differs": one.differs}
    if one.witness is None:
        return data
    found = one.witness
    given = {**found.inputs, **found.parameters}
    return {
        **data,
        "at": {name: array.tolist() for name, array in given.items()},
        "a": found.a.tolist(),
        "b": found.b.tolist(),
        "began": found.began,
    }
