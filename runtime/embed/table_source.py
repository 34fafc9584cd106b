"""A model's tables as C data: bytecode, and tables that describe arrays, times and tensors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.program.arrays import Array, ClockName
from gradc_compiler.program.program import Persistent
from gradc_runtime.embed.c_text import quoted
from gradc_runtime.embed.frozen import FrozenModel
from gradc_runtime.embed.frozen_step import FrozenStep
from gradc_runtime.embed.interface import CInterface
from gradc_runtime.embed.relocatable import RelocatableTable

CLOCKS = (  # in the order of the C source
    "owner", "position", "remaining", "mirror", "before", "after", "length", "first", "last",
)  # fmt: skip
A_LINE = 12  # numbers in a line of C
TYPES = {(Kind.REAL, 4): "F32", (Kind.REAL, 8): "F64", (Kind.INDEX, 4): "I32",
         (Kind.INDEX, 8): "I64"}  # fmt: skip


def tensor_list(model: FrozenModel) -> Iterator[str]:
    """A table that describes each persistent tensor, for reading and writing weight files."""
    kept = model.persistents
    yield "static const struct tensor tensors[TENSORS] = {"
    for one in kept:
        type = one.type
        shape = ", ".join(map(str, type.shape)) or "0"
        facts = f"{one.offset}, {type.size}, {{{shape}}}, {len(type.shape)}"
        yield f"    {{{quoted(one.name)}, {facts}, {int(type.kind is Kind.INDEX)}}},"
    yield "};"
    if isinstance(model, FrozenStep):
        yield "static const char file_header[] ="
        text = file_header(kept, model.dtype.itemsize)
        for k in range(0, len(text), 80):
            yield f"    {quoted(text[k : k + 80])}"
        yield "    ;"


def file_header(tensors: Sequence[Persistent], word: int) -> str:
    """The header of a safetensors file with some tensors one after another, in ASCII."""
    found, end = {}, 0
    for one in tensors:
        begin, end = end, end + one.type.size * word
        found[one.name] = {
            "dtype": TYPES[one.type.kind, word],
            "shape": list(one.type.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(found, separators=(",", ":"))
    return text + " " * (-len(text) % 8)


def most_dims(model: FrozenModel) -> int:
    """The most dimensions of a tensor."""
    return max([1, *(len(one.type.shape) for one in model.persistents)])


def numbers(values: Iterable[int]) -> Iterator[str]:
    """Lines of whole numbers, `A_LINE` in each."""
    all = [str(value) for value in values]
    for k in range(0, len(all), A_LINE):
        yield "    " + ", ".join(all[k : k + A_LINE]) + ","


def table_data(name: str, table: RelocatableTable) -> Iterator[str]:
    """A table and the places of its addresses, as arrays."""
    yield f"/* blocks of {table.block} */"
    yield f"static const int64_t table_{name}[] = {{"
    yield from numbers(int(word) for word in table.words)
    yield "};"
    rows = ", ".join(f"{{{at}, {time}, {size}}}" for at, time, size in table.rooms)
    yield f"static const struct room_place rooms_{name}[] = {{{rows or '{0, 0, 0}'}}};"
    for what, places in (("kernels", table.kernels), ("arguments", table.arguments)):
        pairs = ", ".join(f"{{{at}, {of}}}" for at, of in places)
        yield f"static const struct place {what}_{name}[] = {{{pairs}}};"


def table_list(model: FrozenModel) -> Iterator[str]:
    """All tables by growing block size, and the one for values that depend on weights alone."""
    for k, table in enumerate(model.tables):
        yield from table_data(str(k), table)
    yield "static const struct block_table tables[TABLES] = {"
    for k, table in enumerate(model.tables):
        yield f"    {table_facts(str(k), table, model)},"
    yield "};"
    if isinstance(model, FrozenStep) or not model.persistents:
        return
    if model.before is None:
        yield "static const struct block_table preparing = {0};"
        return
    yield from table_data("before", model.before)
    facts = table_facts("before", model.before, model)
    yield f"static const struct block_table preparing = {facts};"


def table_facts(name: str, table: RelocatableTable, model: FrozenModel) -> str:
    """The initializer of the C struct that describes a table."""
    size = table.block * model.entry.block_words * model.dtype.itemsize
    places = [len(table.kernels), len(table.arguments), len(table.rooms)]
    counts = [table.block, len(table.words), *places, -(-size // 64) * 64]
    own = f"table_{name}, kernels_{name}, arguments_{name}, rooms_{name}"
    return f"{{{', '.join(map(str, counts))}, {own}}}"


def sequence_times(interface: CInterface) -> Iterator[str]:
    """A table that describes each time."""
    entry, word = interface.model.entry, interface.model.dtype.itemsize
    if not entry.times:
        return
    yield "static const struct sequence_time times[TIMES] = {"
    for time, kept in zip(entry.times, entry.kept_words, strict=True):
        most = [limit.rows for limit in entry.limits if limit.time == time]
        fixed = time if isinstance(time, int) else 0
        yield f"    {{{kept * word}, {fixed}, {min(most, default=np.iinfo(np.int32).max)}}},"
    yield "};"


def kinds(interface: CInterface) -> Iterator[str]:
    """A table that describes each array, in the order of the entry's arrays."""
    yield "static const struct array_kind kinds[ARRAYS] = {"
    for array in interface.model.entry.arrays:
        type = array.type
        classes = (type.classes or np.iinfo(np.int32).max) if type.kind is Kind.INDEX else 0
        time, clock = place_in_time(interface.model.entry.times, array)
        yield f"    {{{type.size}, {classes}, {int(array.role == 'input')}, {time}, {clock}}},"
    yield "};"


def place_in_time(times: Sequence[Time], array: Array) -> tuple[int, int]:
    """The number of an array's time and of its clock; -1 where it has none."""
    if isinstance(array.name, ClockName):
        return times.index(array.name.time), CLOCKS.index(array.name.kind)
    return (-1 if array.type.time is None else times.index(array.type.time)), -1
