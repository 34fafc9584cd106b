"""The C source of a library: a model's tables as data, and the functions of its header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

import numpy as np

from gradc_compiler.graph.types import Kind, Time
from gradc_compiler.program.arrays import Array, ClockName
from gradc_compiler.program.entry import Space
from gradc_runtime.cpu.codegen.target import host
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.embed.frozen import FrozenModel
from gradc_runtime.embed.frozen_step import FrozenStep
from gradc_runtime.embed.interface import FAULTS, CInterface
from gradc_runtime.embed.relocatable import RelocatableTable

PLACES = {  # words that the library writes, by their name in C
    "AT_THREADS": bytecode.THREADS,
    "AT_STEPS": bytecode.STEPS,
    "AT_BASES": bytecode.BASES,
    "AT_EXAMPLES": bytecode.EXAMPLES,
    "AT_BLOCKS": bytecode.BLOCKS,
    "AT_CHUNKS": bytecode.CHUNKS,
    "AT_FIRST_CHUNK": bytecode.FIRST_CHUNK,
    "AT_END_CHUNK": bytecode.END_CHUNK,
    "AT_PERSISTENT": int(Space.PERSISTENT),
    "AT_UNIFORM": int(Space.UNIFORM),
    "AT_BLOCK": int(Space.BLOCK),
    "AT_PARTIAL": int(Space.PARTIAL),
    "AT_ARRAY": int(Space.ARRAY),
}
CHECKED = (  # that C compilers can ask a processor about
    "sse4.2", "popcnt", "avx", "avx2", "fma", "bmi", "bmi2", "avx512f", "avx512vl", "avx512bw",
    "avx512dq", "avx512cd",
)  # fmt: skip
CLOCKS = (  # in the order of the C source
    "owner", "position", "remaining", "mirror", "before", "after", "length", "first", "last",
)  # fmt: skip
SOURCES = {  # of each way of running, in order: what is common, and the functions of the header
    "plain": (["plain.c"], ["plain_functions.c"]),
    "sequences": (["packed.c", "sequences.c"], ["sequences_functions.c"]),
    "plain step": (["step.c", "plain_step.c"], ["plain_step_functions.c", "step_functions.c"]),
    "step of sequences": (
        ["packed.c", "step.c", "sequence_step.c"],
        ["sequence_step_functions.c", "step_functions.c"],
    ),
}
MOST_BYTES = 1 << 60  # of a workspace: no sum of sizes overflows
A_LINE = 12  # numbers


def source_text(name: str) -> str:
    """A C source that every library or program has."""
    return (files("gradc_runtime.embed") / "sources" / name).read_text(encoding="utf-8")


def library_source(interface: CInterface, symbols: Sequence[str], data: Sequence[str]) -> str:
    """The source of a model's library.

    `symbols`: of the dispatch loop and of each kernel; `data`: of the weights, and of what was made
    of them.
    """
    model = interface.model
    tables = (line for k, table in enumerate(model.tables) for line in table_data(k, table))
    parts = [
        *head(interface),
        *constants(model),
        source_text("layout.c"),
        *externals(interface, symbols, data),
        *tables,
        *table_list(model),
        *kinds(interface),
        *sequence_times(interface),
        source_text("library.c"),
        *map(source_text, SOURCES[kind_of(model)][0]),
        *functions(interface),
    ]
    return "\n".join(parts) + "\n"


def kind_of(model: FrozenModel) -> str:
    """Which of the ways of running it has."""
    if isinstance(model, FrozenStep):
        return "step of sequences" if model.entry.times else "plain step"
    return "sequences" if model.entry.times else "plain"


def head(interface: CInterface) -> Iterator[str]:
    """What is included, and short names of codes."""
    yield f"/* The library of {interface.name}: its tables, and the functions of its header. */"
    names = ["stddef.h", "stdint.h", "stdio.h", "string.h"]
    yield from (f"#include <{name}>" for name in names)
    yield f'#include "{interface.name}.h"'
    yield f"typedef {interface.word_of(Kind.INDEX)} index_word;"
    yield f"typedef {interface.word_of(Kind.REAL)} real_word;"
    yield from (f"#define {name} {interface.macro}_{name}" for name in (*FAULTS, "FINGERPRINT"))


def constants(model: FrozenModel) -> Iterator[str]:
    """Macros with the sizes that the common part asks for."""
    spaces = int(Space.ARRAY) + len(model.entry.arrays) + len(model.entry.results) + 1
    yield from (f"#define {name} {value}" for name, value in PLACES.items())
    yield f"#define CONTROL {bytecode.ALL}"
    yield f"#define SPACES {spaces}"
    yield f"#define ARRAYS {len(model.entry.arrays)}"
    yield f"#define TABLES {len(model.tables)}"
    yield f"#define TIMES {len(model.entry.times)}"
    yield f"#define CLOCK_WORDS {bytecode.CLOCK}"
    yield f"#define MOST_ELEMENTS {MOST_BYTES // element_bytes(model)}LL"
    if isinstance(model, FrozenStep):
        yield f"#define BATCH {model.batch}"
        yield f"#define RESULTS {len(model.entry.results)}"
        yield f"#define UNIFORM_BYTES {model.entry.uniform_words * model.dtype.itemsize}"
        yield f"#define MADE_BYTES {model.made.nbytes}"
        yield f"#define SCHEDULE_AT {model.schedule[0]}"
        yield f"#define SCHEDULE_ROWS {model.schedule[1]}"
        yield f"#define PARTIAL_BYTES {model.partial_bytes}"
    named = set(host().features.split(",")) if host().features else set()
    asked = [name for name in CHECKED if f"+{name}" in named]
    yield f"#define PROCESSOR_IS_CHECKED {int(bool(asked))}"
    tests = " && ".join(f'__builtin_cpu_supports("{name}")' for name in asked)
    yield f"#define PROCESSOR_HAS ({tests or 1})"


def element_bytes(model: FrozenModel) -> int:
    """Bytes, at most, that an element of a sequence takes in a workspace."""
    words = sum(array.type.size for array in model.entry.arrays) + sum(model.entry.kept_words)
    return (words + 2) * 8  # and its places in two arrays


def externals(interface: CInterface, symbols: Sequence[str], data: Sequence[str]) -> Iterator[str]:
    """What other object files have: the dispatch loop, kernels, weights."""
    arguments = ", ".join(["int64_t"] * 5)
    yield from (f"extern void {name}({arguments});" for name in dict.fromkeys(symbols))
    word = interface.word_of(Kind.REAL)
    yield from (f"extern const {word} {name}[];" for name in data)
    yield f"#define walk {symbols[0]}"
    yield f"static kernel_function *const kernels[] = {{{', '.join(symbols[1:])}}};"
    yield f"#define weights {data[0]}"
    yield f"#define made {data[1]}"


def numbers(values: Iterable[int]) -> Iterator[str]:
    """Whole numbers, some a line."""
    all = [str(value) for value in values]
    for k in range(0, len(all), A_LINE):
        yield "    " + ", ".join(all[k : k + A_LINE]) + ","


def table_data(k: int, table: RelocatableTable) -> Iterator[str]:
    """A table and the places of its addresses, as arrays."""
    yield f"/* blocks of {table.block} */"
    yield f"static const int64_t table_{k}[] = {{"
    yield from numbers(int(word) for word in table.words)
    yield "};"
    rows = ", ".join(f"{{{at}, {time}, {size}}}" for at, time, size in table.rooms)
    yield f"static const struct room_place rooms_{k}[] = {{{rows or '{0, 0, 0}'}}};"
    for name, places in (("kernels", table.kernels), ("arguments", table.arguments)):
        pairs = ", ".join(f"{{{at}, {of}}}" for at, of in places)
        yield f"static const struct place {name}_{k}[] = {{{pairs}}};"


def table_list(model: FrozenModel) -> Iterator[str]:
    """All tables, of ever larger blocks."""
    word = model.dtype.itemsize
    yield "static const struct block_table tables[TABLES] = {"
    for k, table in enumerate(model.tables):
        size = table.block * model.entry.block_words * word
        places = [len(table.kernels), len(table.arguments), len(table.rooms)]
        counts = [table.block, len(table.words), *places, -(-size // 64) * 64]
        own = f"table_{k}, kernels_{k}, arguments_{k}, rooms_{k}"
        yield f"    {{{', '.join(map(str, counts))}, {own}}},"
    yield "};"


def sequence_times(interface: CInterface) -> Iterator[str]:
    """What is known of each time."""
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
    """What is known of each array, in the order of the table."""
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


def functions(interface: CInterface) -> Iterator[str]:
    """The functions of the header."""
    by_array = {array.name: argument for argument, array in interface.arguments.items()}
    given = [f"(void *){by_array.get(a.name, 0)}" for a in interface.model.entry.arrays]
    times = {time: name for name, time in interface.lengths.items()}
    lengths = [times.get(str(time), "0") for time in interface.model.entry.times]
    facts = {
        "NAME": interface.name,
        "MACRO": interface.macro,
        "DECLARED": interface.declared(),
        "ARRAYS_GIVEN": ", ".join(given),
        "MOST_ROOM": str(most_room(interface.model)),
        "LENGTHS_GIVEN": ", ".join(lengths),
        "ASKED": interface.asked,
        "RESULTS_GIVEN": ", ".join(f"(void *){name}" for name in interface.written),
        "MESSAGES": ", ".join(f'"{text}"' for text in FAULTS.values()),
    }
    parts = [*SOURCES[kind_of(interface.model)][1], "functions.c"]
    text = "".join(map(source_text, parts))
    for word, fact in facts.items():
        text = text.replace(f"${word}$", fact)
    yield text


def most_room(model: FrozenModel) -> int:
    """Bytes of workspace that any call needs (`room_of` in C)."""
    spaces = int(Space.ARRAY) + len(model.entry.arrays) + 1
    word, entry = model.dtype.itemsize, model.entry

    def room(table: RelocatableTable) -> int:
        block = table.block * entry.block_words * word
        parts = [8 * bytecode.ALL, 8 * spaces, 8 * len(table.words), block]
        return 64 + sum(-(-part // 64) * 64 for part in parts)

    return max(map(room, model.tables))
