"""The C source of a library: a model's tables as data, and the functions of its header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gradc_compiler.graph.types import Kind
from gradc_compiler.program.entry import Space
from gradc_runtime.cpu.interpreter import bytecode
from gradc_runtime.embed.c_text import filled, source_text
from gradc_runtime.embed.frozen import FrozenModel
from gradc_runtime.embed.frozen_step import FrozenStep
from gradc_runtime.embed.interface import FAULTS, CInterface
from gradc_runtime.embed.levels import Level, chosen
from gradc_runtime.embed.table_source import (
    kinds,
    most_dims,
    sequence_times,
    table_list,
    tensor_list,
)

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
STATE = "safetensors.c", "state.c"
SOURCES = {  # by way of running, in order: the common files, and those of the header's functions
    "plain": (["plain.c"], ["plain_functions.c"]),
    "sequences": (["packed.c", "sequences.c"], ["sequences_functions.c"]),
    "plain step": (
        ["step.c", "plain_step.c", *STATE],
        ["plain_step_functions.c", "step_functions.c"],
    ),
    "step of sequences": (
        ["packed.c", "step.c", "sequence_step.c", *STATE],
        ["sequence_step_functions.c", "step_functions.c"],
    ),
}
WEIGHTS = ["safetensors.c", "weights.c"], ["weights_functions.c"]  # of a model with weights
LONGEST_KEY = len("__metadata__")  # bytes, of what a file of weights may say beside names
MOST_BYTES = 1 << 60  # of a workspace: no sum of sizes overflows


def library_source(
    interface: CInterface, levels: Sequence[Level], data: Sequence[str], more: Iterable[str] = ()
) -> str:
    """The source of a model's library, for some levels, the best first.

    `data` holds the symbols of the weights and of the values computed from them, `more` what stands
    behind all else.
    """
    model = interface.model
    parts = [
        *head(interface),
        *constants(model),
        source_text("layout.c"),
        *externals(interface, levels, data),
        *chosen(levels),
        *table_list(model),
        *kinds(interface),
        *sequence_times(interface),
        *(tensor_list(model) if model.persistents else ()),
        *map(source_text, sources_of(model)),
        *functions(interface),
        *more,
    ]
    return "\n".join(parts) + "\n"


def kind_of(model: FrozenModel) -> str:
    """The way in which a model runs, a key of `SOURCES`."""
    if isinstance(model, FrozenStep):
        return "step of sequences" if model.entry.times else "plain step"
    return "sequences" if model.entry.times else "plain"


def sources_of(model: FrozenModel) -> list[str]:
    """The C files of the common part that a model needs, in order."""
    loads = WEIGHTS[0] if model.persistents and not isinstance(model, FrozenStep) else []
    return ["library.c", *SOURCES[kind_of(model)][0], *loads]


def functions_of(model: FrozenModel) -> list[str]:
    """The C files that define the functions of the header."""
    loads = WEIGHTS[1] if model.persistents and not isinstance(model, FrozenStep) else []
    return [*SOURCES[kind_of(model)][1], *loads, "functions.c"]


def head(interface: CInterface) -> Iterator[str]:
    """The includes, and short names of codes."""
    yield f"/* The library of {interface.name}: its tables, and the functions of its header. */"
    names = ["stddef.h", "stdint.h", "stdio.h", "string.h"]
    yield from (f"#include <{name}>" for name in names)
    yield f'#include "{interface.name}.h"'
    yield f"typedef {interface.word_of(Kind.INDEX)} index_word;"
    yield f"typedef {interface.word_of(Kind.REAL)} real_word;"
    yield from (f"#define {name} {interface.macro}_{name}" for name in (*FAULTS, "FINGERPRINT"))


def constants(model: FrozenModel) -> Iterator[str]:
    """Macros with the sizes that the common part uses."""
    yield from (f"#define {name} {value}" for name, value in PLACES.items())
    yield f"#define CONTROL {bytecode.ALL}"
    yield f"#define SPACES {spaces_of(model)}"
    yield f"#define ARRAYS {len(model.entry.arrays)}"
    yield f"#define TABLES {len(model.tables)}"
    yield f"#define MADE_BYTES {model.made.nbytes}"
    yield from constants_of_tensors(model)
    yield f"#define TIMES {len(model.entry.times)}"
    yield f"#define CLOCK_WORDS {bytecode.CLOCK}"
    yield f"#define MOST_ELEMENTS {MOST_BYTES // element_bytes(model)}LL"
    if isinstance(model, FrozenStep):
        yield f"#define BATCH {model.batch}"
        yield f"#define RESULTS {len(model.entry.results)}"
        yield f"#define UNIFORM_BYTES {model.entry.uniform_words * model.dtype.itemsize}"
        yield f"#define SCHEDULE_AT {model.schedule[0]}"
        yield f"#define SCHEDULE_ROWS {model.schedule[1]}"
        yield f"#define PARTIAL_BYTES {model.partial_bytes}"


def constants_of_tensors(model: FrozenModel) -> Iterator[str]:
    """Macros with sizes that the C code about persistent tensors uses."""
    yield f"#define TENSORS {len(model.persistents)}"
    yield f"#define MOST_DIMS {most_dims(model)}"
    names = [len(one.name.encode()) for one in model.persistents]
    yield f"#define NAME_ROOM {max([LONGEST_KEY, *names]) + 1}"
    yield f"#define MADE_AT {model.words}"
    parts = bytecode.ALL, spaces_of(model), 0 if model.before is None else len(model.before.words)
    yield f"#define PREPARING_BYTES {sum(-(-part // 8) * 64 for part in parts)}"


def spaces_of(model: FrozenModel) -> int:
    """The number of words in a row of addresses."""
    return int(Space.ARRAY) + len(model.entry.arrays) + len(model.entry.results) + 1


def element_bytes(model: FrozenModel) -> int:
    """Bytes, at most, that an element of a sequence takes in a workspace."""
    words = sum(array.type.size for array in model.entry.arrays) + sum(model.entry.kept_words)
    return (words + 2) * 8  # and its places in two arrays


def externals(interface: CInterface, levels: Sequence[Level], data: Sequence[str]) -> Iterator[str]:
    """Declarations of what other object files define: the dispatch loop, kernels, weights."""
    arguments = ", ".join(["int64_t"] * 5)
    symbols = dict.fromkeys(symbol for level in levels for symbol in level.symbols)
    yield from (f"extern void {name}({arguments});" for name in symbols)
    word = interface.word_of(Kind.REAL)
    yield from (f"extern const {word} {name}[];" for name in data)
    yield "/* Of each level: the dispatch loop, and kernels. */"
    count = max(2, len(levels[0].symbols))
    yield f"static kernel_function *const functions[][{count}] = {{"
    yield from (f"    {{{', '.join(level.symbols)}}}," for level in levels)
    yield "};"
    yield f"#define own_weights {data[0]}"
    yield f"#define made {data[1]}"


def own_memory(interface: CInterface) -> str:
    """The source of the function that runs a model in memory of the library's own."""
    facts = {
        "NAME": interface.name,
        "DECLARED": interface.declared(),
        "PASSED": ", ".join(interface.order),
        "MOST_ROOM": str(most_room(interface.model)),
    }
    return filled(source_text("own_memory.c"), facts)


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
        "LENGTHS_GIVEN": ", ".join(lengths),
        "LENGTHS_PASSED": "lengths, " if lengths else "",
        "LENGTHS": (
            f"const int32_t *const lengths[TIMES] = {{{', '.join(lengths)}}};" if lengths else ""
        ),
        "ASKED": interface.asked,
        "RESULTS_GIVEN": ", ".join(f"(void *){name}" for name in interface.written),
        "MESSAGES": ", ".join(f'"{text}"' for text in FAULTS.values()),
    }
    yield filled("".join(map(source_text, functions_of(interface.model))), facts)


def most_room(model: FrozenModel) -> int:
    """Bytes of workspace that any call needs (`room_of` in C)."""
    word, entry, spaces = model.dtype.itemsize, model.entry, spaces_of(model)
    rooms = []
    for table in model.tables:
        block = table.block * entry.block_words * word
        parts = [8 * bytecode.ALL, 8 * spaces, 8 * len(table.words), block]
        rooms.append(64 + sum(-(-part // 64) * 64 for part in parts))
    return max(rooms)
