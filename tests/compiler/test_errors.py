"""Every wrong program of `specs/errors`: all its errors, where they are, and what is said of them;
and every doubtful one of `specs/warnings`, likewise.

A program begins with what is expected, as comments that count as lines of the file:

    # expect: E0301 6:47 this claims [14, 14, 8], but the chain gives [14, 14, 16] here
    # also: 6:13 16 comes from here
    # hint: write `: [14, 14, 16]`, or `conv(8, ...)`

`also` is a second place and its label; of a place in the prelude only the file is named, and `DIR`
is the directory of the programs.  `# set: lr=0.1` compiles with a value from outside, `# forward:
f` asks for the forward pass of a model; `# mistake: 7 lambda` numbers one that newcomers make
(`mistakes.py`).  UPDATE_ERRORS=1 writes what is found into the files: read
the difference before it is committed.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from gradc_compiler.diagnostics.render import render_all
from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Source, Span
from gradc_compiler.error_index import CODES, explain
from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compilation
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_compiler.transform.differentiate import differentiate

FOLDER = Path(__file__).parents[2] / "specs" / "errors"
DOUBTFUL = sorted(FOLDER.parent.glob("warnings/*.nn"))
PROGRAMS = [*sorted(FOLDER.glob("*.nn")), *DOUBTFUL]
HEADER = re.compile(r"# (mistake|set|forward|expect|also|hint):")
KEPT = re.compile(r"# (mistake|set|forward):")  # what is no expectation
FEWEST = 70

UNREACHED = {
    "E0501": "every operator has a rule; the test below takes one away",
    "E0504": "every operator has a row; tests/onnx/export/test_refused.py adds one without",
    "W0015": "it is about data; tests/runtime/cli/test_unscaled_inputs.py has some",
}


def read(path: Path) -> list[str]:
    """The lines of a program, whatever its bytes."""
    return path.read_bytes().decode("utf-8", "surrogateescape").split("\n")


def header_of(path: Path) -> list[str]:
    """The expectations a program begins with."""
    lines = read(path)
    end = next((k for k, line in enumerate(lines) if not HEADER.match(line)), len(lines))
    return lines[:end]


def given(header: list[str], key: str) -> list[str]:
    """The values of one kind of line."""
    return [line.partition(": ")[2] for line in header if line.startswith(f"# {key}: ")]


def diagnostics_of(path: Path) -> tuple[Diagnostic, ...]:
    """All that is said of a program, asked for as its header wants it."""
    header = header_of(path)
    pairs = [line.split("=") for line in given(header, "set")]
    overrides = {name: float(value) for name, value in pairs}
    try:
        made = compilation(read_source(path), path.parent, overrides, ())
        for name in given(header, "forward"):
            made.module.forward(name)
    except CompileError as error:
        return error.diagnostics
    return made.program.warnings


@cache
def found_in(path: Path) -> tuple[Diagnostic, ...]:
    """The same, once for all tests."""
    return diagnostics_of(path)


def described(diagnostics: tuple[Diagnostic, ...], path: Path) -> list[str]:
    """Diagnostics as the lines of a header."""
    lines = []
    for d in diagnostics:
        lines.append(f"# expect: {d.code} {place(d.primary, path)} {d.message}")
        lines += [f"# also: {place(label, path)} {label.text}" for label in d.secondary]
        lines += [f"# hint: {d.hint}"] if d.hint is not None else []
    return [line.replace(str(FOLDER), "DIR").replace(str(FOLDER.parent), "DIR/..")
            for line in lines]


def place(label: Label, path: Path) -> str:
    """`6:47`, with the file in front where it is another one."""
    span = label.span
    name = span.source.name
    if name.startswith("prelude/"):
        return name
    where = f"{span.line}:{span.column}"
    return where if name == str(path) else f"{Path(name).relative_to(FOLDER)}:{where}"


def update(path: Path) -> None:
    """Write what is found into the program; the header's own length moves the lines."""
    for _ in range(4):
        header, lines = header_of(path), read(path)
        kept = [line for line in header if KEPT.match(line)]
        text = "\n".join([*kept, *described(diagnostics_of(path), path), *lines[len(header):]])
        path.write_bytes(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_wrong_program_is_told_all_that_is_wrong_with_it(path: Path) -> None:
    if "UPDATE_ERRORS" in os.environ:
        update(path)
    header = [line for line in header_of(path) if not KEPT.match(line)]
    assert header, f"{path.name} states no expectation"
    assert described(found_in(path), path) == header


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_its_errors_can_be_shown(path: Path) -> None:
    assert {d.severity for d in found_in(path)} == {"warning" if path in DOUBTFUL else "error"}
    text = render_all(found_in(path))
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    for d in found_in(path):
        assert f"{d.severity}[{d.code}]: " in text and str(d.primary.span) in text
        assert d.message and not d.message.endswith(".") and "\n" not in d.message
        assert d.primary.span.end > d.primary.span.start or d.code.startswith("E01")


def test_there_are_enough_of_them_and_some_have_several_mistakes() -> None:
    assert len(PROGRAMS) >= FEWEST
    assert sum(len(found_in(path)) > 1 for path in PROGRAMS) >= 10


def test_every_code_has_a_program() -> None:
    seen = {d.code for path in PROGRAMS for d in found_in(path)}
    assert seen | set(UNREACHED) == set(CODES)
    assert not seen & set(UNREACHED)


def test_an_operator_without_a_rule_is_an_error_at_the_authors_line() -> None:
    class Opaque(Op):
        name = "opaque"

        def infer(self, *types: TensorType) -> TensorType:
            return types[0]

    source = Source("a.nn", "model f(x : scalar) -> scalar { opaque(x) }\n")
    builder = Builder(span=Span(source=source, start=32, end=41))
    x = builder.add(Input("x", (), None))
    with pytest.raises(CompileError) as raised:
        differentiate(builder, builder.add(Opaque(), x), [x], mean=False)
    (found,) = raised.value.diagnostics
    assert (found.code, str(found.primary.span)) == ("E0501", "a.nn:1:33")


# Examples of `gradc explain` that are no programs: bytes, files, limits, other files, a command.
NO_PROGRAM = {"E0101", "E0102", "E0106", "E0107", "E0204", "E0205", "E0206", "E0404", "E0408",
              "E0501", "E0504", "W0015"}
ONLY_SYNTAX = {"E0127"}  # the right one imports a file


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_explained(code: str) -> None:
    text = explain(code.lower())
    assert text is not None and text.startswith(f"{code}: ")
    assert "\nWrong:\n" in text and "\nRight:\n" in text


@pytest.mark.parametrize("code", sorted(set(CODES) - NO_PROGRAM))
def test_the_examples_of_an_explanation_fail_and_compile(code: str) -> None:
    assert [code] == sorted({d.code for d in errors_of(CODES[code].wrong)})
    if code in ONLY_SYNTAX:
        parse(Source("example.nn", CODES[code].right))
    else:
        said = errors_of(CODES[code].right)
        assert [d for d in said if d.severity == "error" or d.code == code] == []


def errors_of(text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a text, or doubtful in it."""
    try:
        return compilation(Source("example.nn", text), FOLDER, {}, ()).program.warnings
    except CompileError as error:
        return error.diagnostics
