"""The C sources of a built prediction: what its library has beside a model's, and its program."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.program.program import Meaning
from gradc_runtime.data.tables.cells import GAPS
from gradc_runtime.data.tables.dialect import LOOKED_AT
from gradc_runtime.embed.c_text import filled, quoted, source_text
from gradc_runtime.embed.prediction_interface import PredictionInterface, field_of
from gradc_runtime.embed.program_source import model_call, program_head
from gradc_runtime.embed.table_reading import TableReading

KIND = """struct cell_kind {
    const char *column;
    int field;
    int64_t at;
    const char *const *names;
    int count;
    const char *date;
    double gap;
    int has_gap;
    double centre, scale;
    int is_class;
    int64_t classes;
};"""
ANSWER = """struct answer {
    const char *field, *title; /* of a class's column, before its name */
    enum meaning meaning;
    int64_t size;
    int is_vector;
    const char *const *names;
    int64_t name_count;
    const double *centres, *scales;
    int array;
};"""


def encoding_source(interface: PredictionInterface) -> Iterator[str]:
    """What the library of a prediction has beside that of a model."""
    yield "#include <stdlib.h>"
    yield f"static const char *const gaps[] = {{{', '.join(map(quoted, sorted(GAPS)))}}};"
    yield KIND
    yield from interface.reading.kinds()
    yield source_text("encode.c")
    read = [name for name in interface.arguments if name not in interface.written]
    facts = {
        "NAME": interface.name, "MACRO": interface.macro, "ENCODED": interface.encoded,
        "FIELDS": ", ".join(read),
    }  # fmt: skip
    yield filled(source_text("encode_functions.c"), facts)
    for field, function in interface.namers.items():
        names = interface.names_of(field)
        yield f"const char *{function}(int k) {{"
        yield f"    static const char *const names[] = {{{', '.join(map(quoted, names))}}};"
        yield f"    return k >= 0 && k < {len(names)} ? names[k] : NULL;"
        yield "}"


def prediction_program(interface: PredictionInterface) -> str:
    """The program of a prediction."""
    parts = [
        *program_head(interface, "math.h"),
        *table_facts(interface),
        *model_call(interface),
        *row_call(interface),
        *answer_list(interface),
    ]
    return "\n".join([*parts, source_text("program_files.c"), source_text("table.c")])


def table_facts(interface: PredictionInterface) -> Iterator[str]:
    """What the program knows of the table."""
    name, macro, reading = interface.name, interface.macro, interface.reading
    yield f"#define FIELDS {len(interface.arguments)}"
    yield f"#define CELLS {macro}_CELLS"
    yield f"#define MISSING_CELL {macro}_MISSING_CELL"
    yield f"#define column_of {name}_column"
    yield f"#define HAS_HEADER {int(reading.dialect.header)}"
    yield f"#define DROPS_GAPS {int(reading.drops)}"
    yield f"#define LOOKED_AT {LOOKED_AT}"
    yield from signs_of(reading)
    sizes = [array.type.size for array in interface.arguments.values()]
    yield f"static const int field_sizes[] = {{{', '.join(map(str, sizes))}}};"
    plain = [
        field not in reading.encoding.classes and field not in reading.encoding.dates
        for field, _ in reading.cells
    ]
    yield f"static const int is_number[] = {{{', '.join(str(int(one)) for one in plain)}}};"
    exact = [field in reading.named for field, _ in reading.cells]
    yield f"static const int is_exact[] = {{{', '.join(str(int(one)) for one in exact)}}};"


def signs_of(reading: TableReading) -> Iterator[str]:
    """The signs that the author declares, and those of the table that was trained on; 0 is none."""
    said, usual = reading.dialect, reading.encoding.signs or ("", "")
    known = {"SAID_SEPARATOR": said.separator, "SAID_DECIMAL": said.decimal}
    known |= {"SAID_THOUSANDS": said.thousands, "USUAL_DECIMAL": usual[0]}
    for what, sign in {**known, "USUAL_THOUSANDS": usual[1]}.items():
        yield f"#define {what} {ord(sign) if sign else 0}"


def row_call(interface: PredictionInterface) -> Iterator[str]:
    """The function that encodes a row to its place in the arrays."""
    given = [
        f"({interface.word(array.type)} *)arrays[{k}] + row * {array.type.size}"
        for k, array in enumerate(interface.arguments.values())
        if array.role == "input"
    ]
    cells = "const char *const *cells, void *const *arrays, size_t row, int *wrong"
    yield f"static int encode_into({cells}) {{"
    yield f"    return {interface.name}_encode(cells, {', '.join(given)}, wrong);"
    yield "}"


def answer_list(interface: PredictionInterface) -> Iterator[str]:
    """What is predicted, in the order of the outputs."""
    yield f"enum meaning {{ {', '.join(meaning.name for meaning in Meaning)} }};"
    yield ANSWER
    written = enumerate(interface.arguments.values())
    found = [(k, array) for k, array in written if array.role == "output"]
    for k, array in found:
        yield from answer_words(interface, k, field_of(array))
    yield f"#define ANSWERS {len(found)}"
    yield "static const struct answer answers[] = {"
    for k, array in found:
        field, meaning = field_of(array), interface.reading.predicted[field_of(array)]
        names, is_scaled = interface.names_of(field), field in interface.reading.encoding.centres
        is_vector = int(bool(array.type.shape) and meaning is Meaning.NUMBERS)
        facts = [quoted(field), quoted(f"{field}="), meaning.name, array.type.size, is_vector]
        facts += [f"names_{k}" if names else 0, len(names)]
        facts += [f"{what}_{k}" if is_scaled else 0 for what in ("centres", "scales")]
        yield f"    {{{', '.join(map(str, (*facts, k)))}}},"
    yield "};"


def answer_words(interface: PredictionInterface, k: int, field: str) -> Iterator[str]:
    """The names of a field's classes, and the measure that its numbers go back to."""
    known = interface.reading.encoding
    if names := interface.names_of(field):
        yield f"static const char *const names_{k}[] = {{{', '.join(map(quoted, names))}}};"
    for what, numbers in (("centres", known.centres), ("scales", known.scales)):
        if field in numbers:
            values = ", ".join(x.hex() for x in numbers[field])
            yield f"static const double {what}_{k}[] = {{{values}}};"
