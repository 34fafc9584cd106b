"""Entries and programs as text, kept between runs and read again: data that nobody executes.

The text is JSON, a list of records `[class, field, ...]` in which each stands once, before those
that name it.  A class is a number in `RECORDS`, and there are no others; a field is a number, a
list for a tuple, an object for a table by names, or a text whose first character says what it is:
`'` a text, `#` the record of a number, `=` a member of an enumeration, `%` a graph.

The text of an entry leaves out what only a compiler can make: the graph, the kernel of a whole
step, and a GPU's launches.  Those of them that a run needs are kept beside it (`kept_records.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import Carry, Role, Tagged
from gradc_compiler.graph.types import Kind, Limit, TensorType
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.program.arrays import Array, ClockName, Result
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import (
    ConstantWords,
    Entry,
    Instruction,
    Kernel,
    OpCost,
    Operand,
    PartialReduction,
    Phase,
    RecurrenceLoop,
    Space,
    StepMemory,
)
from gradc_compiler.program.inner_cut import InnerCut
from gradc_compiler.program.kept_records import KeptEntry, KeptProgram, KeptSingle
from gradc_compiler.program.kernel_abi import Extent, MeanMode
from gradc_compiler.program.program import (
    DataSource,
    Meaning,
    Persistent,
    Schedules,
    Training,
    TrainStep,
)

R = TypeVar("R")
LEFT_OUT = {"deferred_graph", "deferred_whole_step", "deferred_launch", "limits"}
NAMED = (Tagged, Carry, ClockName)  # tuples with names
RECORDS: tuple[type[Any], ...] = (
    *(Entry, Kernel, Array, Result, ConstantWords, Phase, Instruction, OpCost, Operand),
    *(PartialReduction, RecurrenceLoop, StepMemory, InnerCut, TensorType, *NAMED),
    *(Limit, KeptEntry, KeptSingle),
    *(KeptProgram, Persistent, DataSource, Schedules, TrainStep, Training),
)
DAMAGE = (KeyError, IndexError, TypeError, AttributeError, AssertionError, SyntaxError)
NUMBERS = {cls: k for k, cls in enumerate(RECORDS)}
FIELDS = {
    cls: cls._fields if cls in NAMED
    else tuple(field.name for field in fields(cls) if field.name not in LEFT_OUT)
    for cls in RECORDS
}  # fmt: skip
ENUMS = (Kind, Space, Role, Extent, MeanMode, Meaning)
MEMBERS = {f"={enum.__name__}.{m.name}": m for enum in ENUMS for m in enum}
TEXTS: dict[tuple[type[Any], Any], str] = {(type(m), m.name): text for text, m in MEMBERS.items()}


def print_entry_text(entry: Entry) -> str:
    """An entry as text.  Raises `TypeError` where it holds what has no text."""
    return print_records(entry)


def read_entry_text(text: str, graph: Deferred[Any]) -> Entry:
    """The entry of a text, with its graph.  Raises `ValueError` where it is none."""
    return read_records(text, Entry, graph)


def print_records(value: Any) -> str:
    """A record, and all that it holds, as text.  Raises `TypeError` for what has no text."""
    writer = _Writer()
    writer.text(value)
    return json.dumps(writer.records, separators=(",", ":"))


def read_records(text: str, wanted: type[R], graph: Deferred[Any] | None = None) -> R:
    """The record of a text; entries in it get a graph.  Raises `ValueError` where it is none."""
    made: list[Any] = []
    try:
        for number, *values in json.loads(text):
            cls, found = RECORDS[number], [_value(value, made) for value in values]
            given = dict(zip(FIELDS[cls], found, strict=True))
            if cls is Entry:
                given["deferred_graph"] = graph
            elif cls is ConstantWords:
                given["value"] = _numbers(given["value"])
            made.append(cls(**given))
    except (*DAMAGE, RecursionError) as error:
        raise ValueError(f"no {wanted.__name__}: {error}") from None
    if not made or not isinstance(made[-1], wanted):
        raise ValueError(f"no {wanted.__name__}: it ends with something else")
    return made[-1]


class _Writer:
    """Collects records; equal values share one record."""

    def __init__(self) -> None:
        self.records: list[list[Any]] = []
        self._known: dict[Any, str] = {}

    def text(self, value: Any) -> Any:
        """What stands for a value, after the records that it needs."""
        kind = type(value)
        if value is None or kind in (int, float, bool):
            return value
        if isinstance(value, float):
            return float(value)  # an `Exact`, which also knows its fraction
        if kind is str:
            return "'" + value
        if kind in NUMBERS:
            return self._record(value)
        if kind is tuple:
            return [self.text(item) for item in value]
        if isinstance(value, np.ndarray | range):
            return self.text(_described(value))
        if isinstance(value, Graph):
            return "%" + print_graph(value)
        if isinstance(value, Mapping):
            return {str(key): self.text(item) for key, item in value.items()}
        if (text := TEXTS.get((kind, getattr(value, "name", None)))) is not None:
            return text
        raise TypeError(f"{kind.__name__} has no text")

    def _record(self, value: Any) -> str:
        cls = type(value)
        own = (id(value),)  # stays unique, as the entry keeps it alive
        if own in self._known:
            return self._known[own]
        assert cls is not Instruction or value.deferred_launch is None, "a GPU's is not kept"
        record = [NUMBERS[cls], *(self.text(getattr(value, name)) for name in FIELDS[cls])]
        key = repr(record)
        if key not in self._known:
            self._known[key] = f"#{len(self.records)}"
            self.records.append(record)
        self._known[own] = self._known[key]
        return self._known[own]


def _described(value: np.ndarray | range) -> tuple[Any, ...]:
    """The numbers of a constant: a range, one number for all, or each."""
    if isinstance(value, range):
        return ("range", value.start, value.stop, value.step)
    if value.dtype != np.float64 or value.ndim != 1:
        raise TypeError(f"a constant of {value.dtype} with {value.ndim} axes has no text")
    if value.size and not value.strides[0]:
        return ("all", value.size, float(value[0]))
    return ("each", tuple(map(float, value)))


def _value(text: Any, made: Sequence[Any]) -> Any:
    """What a text stands for, where the records before it are made."""
    if type(text) is str:
        match text[:1]:
            case "#":
                return made[int(text[1:])]
            case "'":
                return text[1:]
            case "%":
                return parse_graph(text[1:])
            case _:
                return MEMBERS[text]
    if type(text) is list:
        return tuple(_value(item, made) for item in text)
    if type(text) is dict:
        return {key: _value(item, made) for key, item in text.items()}
    return text


def _numbers(described: tuple[Any, ...]) -> np.ndarray | range:
    """The numbers of a constant again."""
    match described:
        case ("range", start, stop, step):
            return range(start, stop, step)
        case ("all", size, number):
            return np.broadcast_to(np.float64(number), (size,))
        case ("each", numbers):
            return np.array(numbers, float)
    raise ValueError("no numbers")
