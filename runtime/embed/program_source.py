"""The C source of the stand-alone program: what the model reads and gives, and the common part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradc_compiler.graph.types import Kind
from gradc_runtime.embed.interface import CInterface
from gradc_runtime.embed.library_source import source_text

HEADERS = "limits.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"


def program_source(interface: CInterface, classes: Sequence[str] = ()) -> str:
    """The program of a model; `classes` has the names of its classes, if they have names."""
    return "\n".join([*described(interface, classes), source_text("program.c")])


def described(interface: CInterface, classes: Sequence[str]) -> Iterator[str]:
    """What is this model's own."""
    name = interface.name
    yield f"/* The program of {name}. */"
    yield from (f"#include <{header}>" for header in HEADERS)
    yield f'#include "{name}.h"'
    yield f"#define PROGRAM {quoted(name)}"
    yield f"#define message_of {name}_message"
    yield f"#define interface_check {name}_check"
    yield f"typedef {interface.word_of(Kind.REAL)} real_word;"
    yield f"typedef {interface.word_of(Kind.INDEX)} index_word;"
    yield f"#define FIELDS {len(interface.arguments)}"
    yield f"static const size_t class_count = {len(classes)};"
    words = ", ".join(map(quoted, classes)) or '""'
    yield f"static const char *const class_names[] = {{{words}}};"
    yield "struct field {"
    yield "    const char *name, *about, *shape;"
    yield "    int64_t size, classes;"
    yield "    int is_input, is_whole;"
    yield "};"
    yield "static const struct field fields[FIELDS] = {"
    for argument, array in interface.arguments.items():
        type = array.type
        shape = ", ".join(map(str, type.shape))
        texts = map(quoted, (argument, interface.words_about(array), shape))
        whole = int(type.kind is Kind.INDEX)
        classes_of = type.classes or 2**31 - 1
        numbers = type.size, classes_of, int(array.role == "input"), whole
        yield f"    {{{', '.join(texts)}, {', '.join(map(str, numbers))}}},"
    yield "};"
    yield "static int run_model(void *const *arrays, int n) {"
    given = ", ".join(f"arrays[{k}]" for k in range(len(interface.arguments)))
    yield f"    return {name}_run({given}, n);"
    yield "}"


def quoted(text: str) -> str:
    """A C string: printable ASCII as it is, all else as bytes of UTF-8 in octal."""
    plain = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode()
    )
    return f'"{plain}"'
