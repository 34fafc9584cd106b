"""The C source of the stand-alone program: the table of the model's arrays, and the common part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradc_compiler.graph.types import Kind
from gradc_runtime.embed.c_text import quoted, source_text
from gradc_runtime.embed.interface import CInterface

HEADERS = "limits.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"


def program_source(interface: CInterface, classes: Sequence[str] = ()) -> str:
    """The program of a model; `classes` has the names of its classes, if they have names."""
    common = map(source_text, ("program_files.c", "program_numbers.c", "program.c"))
    return "\n".join([*described(interface, classes), *common])


def described(interface: CInterface, classes: Sequence[str]) -> Iterator[str]:
    """The part of the program that is specific to this model."""
    yield from program_head(interface)
    yield from fields(interface, classes)


def program_head(interface: CInterface, *headers: str) -> Iterator[str]:
    """Includes, and the names that a program calls its model by."""
    name = interface.name
    yield f"/* The program of {name}. */"
    yield from (f"#include <{header}>" for header in (*HEADERS, *headers))
    yield f'#include "{name}.h"'
    yield f"#define PROGRAM {quoted(name)}"
    yield f"#define message_of {name}_message"
    yield f"#define interface_check {name}_check"
    yield f"typedef {interface.word_of(Kind.REAL)} real_word;"
    yield f"typedef {interface.word_of(Kind.INDEX)} index_word;"


def fields(interface: CInterface, classes: Sequence[str]) -> Iterator[str]:
    """The table of the model's inputs and outputs, and the call of the model."""
    times = interface.model.entry.times
    yield f"#define FIELDS {len(interface.arguments) + len(interface.lengths)}"
    yield f"static const size_t class_count = {len(classes)};"
    words = ", ".join(map(quoted, classes)) or '""'
    yield f"static const char *const class_names[] = {{{words}}};"
    fixed = ", ".join(str(time if isinstance(time, int) else 0) for time in times) or "0"
    yield f"static const int64_t fixed_lengths[] = {{{fixed}}};"
    most = max(len(array.type.shape) for array in interface.arguments.values())
    yield f"enum {{ MOST_AXES = {max(most, 1)} }};"
    yield "struct field {"
    yield "    const char *name, *about, *shape;"
    yield "    int64_t size, classes;"
    yield "    int is_input, is_whole, time, is_length, axes;"
    yield "    int64_t extents[MOST_AXES];"
    yield "};"
    yield "static const struct field fields[FIELDS] = {"
    yield from (line for _, line in described_fields(interface))
    yield "};"
    yield from model_call(interface)


def described_fields(interface: CInterface) -> Iterator[tuple[str, str]]:
    """Each field by its name: lengths first, then arrays in order."""
    times = interface.model.entry.times
    for name, time in interface.lengths.items():
        about = quoted("int32_t, one number: elements of the example's sequence")
        said = f"1, {2**31 - 1}, 1, 1, {times.index(time)}, 1, 0, {{0}}"
        yield name, f'    {{{quoted(name)}, {about}, "", {said}}},'
    for name, array in interface.arguments.items():
        type = array.type
        shape = quoted(", ".join(map(str, type.shape)))
        number = -1 if type.time is None else times.index(type.time)
        role, whole = int(array.role == "input"), int(type.kind is Kind.INDEX)
        numbers = f"{type.size}, {type.classes or 2**31 - 1}, {role}, {whole}, {number}, 0"
        extents = f"{len(type.shape)}, {{{', '.join(map(str, type.shape)) or '0'}}}"
        about = quoted(interface.words_about(array))
        yield (
            name,
            f"    {{{quoted(name)}, {about}, {shape}, {numbers}, {extents}}},",
        )


def model_call(interface: CInterface) -> Iterator[str]:
    """The functions that read weights, and call the model on the arrays of the fields."""
    name, loads = interface.name, bool(interface.model.persistents)
    fields = [*interface.lengths, *interface.arguments]
    place = {field: f"arrays[{k}]" for k, field in enumerate(fields)}
    given = ", ".join(place[argument] for argument in interface.order)
    asked = ", ".join([*(place[length] for length in interface.lengths), "n"])
    yield f"#define HAS_WEIGHTS {int(loads)}"
    yield "static int run_model(const void *weights, void *const *arrays, int n) {"
    yield f"    const size_t bytes = {name}_workspace({asked});"
    yield "    void *const workspace = malloc(bytes + 1);"
    yield f"    const int code = weights == NULL ? {name}_run_in({given}, n, workspace, bytes)"
    if loads:
        yield f"        : {name}_run_with(weights, {given}, n, workspace, bytes);"
    else:
        yield "        : 0;"
    yield "    free(workspace);"
    yield "    return code;"
    yield "}"
    if loads:
        yield f"static const size_t weights_size = sizeof(struct {name}_weights);"
        yield f"#define load_weights {name}_load"
