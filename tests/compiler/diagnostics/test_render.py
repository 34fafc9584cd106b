"""The screen, character by character."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from gradc_compiler.diagnostics.render import diagnostics_json, render, render_all
from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Source, Span
from gradc_compiler.pipeline import compile_source

CNN = Source("cnn.nn", "\n\n\n\n\n    |> conv(16, 5x5, stride = 2) |> relu    : [14, 14, 8]\n")


def at(source: Source, text: str, say: str = "") -> Label:
    start = source.text.index(text)
    return Label(Span(source=source, start=start, end=start + len(text)), say)


def shown(source: Source, primary: Label, *secondary: Label) -> str:
    error = Diagnostic(code="E0301", message="wrong", primary=primary, secondary=secondary)
    return render(error)


def test_the_claim_of_the_style_page() -> None:
    error = Diagnostic(
        code="E0301", message="this claims [14, 14, 8], but the chain gives [14, 14, 16] here",
        primary=at(CNN, "[14, 14, 8]", "claimed here"),
        secondary=(at(CNN, "16", "the last size comes from these 16 channels"),),
        hint="write `: [14, 14, 16]`, or give conv 8 channels")
    assert render(error) == dedent("""\
        error[E0301]: this claims [14, 14, 8], but the chain gives [14, 14, 16] here
          cnn.nn:6:47
        6 |     |> conv(16, 5x5, stride = 2) |> relu    : [14, 14, 8]
          |             --                                ^^^^^^^^^^^ claimed here
          |             the last size comes from these 16 channels
        hint: write `: [14, 14, 16]`, or give conv 8 channels""")


def test_lines_apart_and_a_second_file() -> None:
    source = Source("a.nn", "one\ntwo\nthree\n")
    other = Source("b.nn", "elsewhere\n")
    assert shown(source, at(source, "three", "here"), at(source, "one", "from"),
                 at(other, "where", "and there")) == dedent("""\
        error[E0301]: wrong
          a.nn:3:1
        1 | one
          | --- from
        ...
        3 | three
          | ^^^^^ here
          b.nn:1:5
        1 | elsewhere
          |     ----- and there""")


def test_tabs_and_wide_characters_take_their_cells() -> None:
    source = Source("a.nn", '\tx = "\u65e5\u672c" + e\u0301 y\n')
    assert shown(source, at(source, "y", "here")).split("\n")[2:] == [
        '1 |     x = "\u65e5\u672c" + e\u0301 y', "  |                    ^ here"]


def test_characters_that_steer_the_terminal_are_not_printed() -> None:
    source = Source("a\x1b.nn", "x \x1b[31m \u202e y\n")
    text = shown(source, at(source, "y"))
    assert "\x1b" not in text and "\u202e" not in text
    assert text.split("\n")[2:] == ["1 | x \ufffd[31m \ufffd y", "  |           ^"]


def test_of_a_long_line_a_window_is_shown() -> None:
    source = Source("a.nn", "a " * 2000 + "WRONG" + " b" * 2000)
    text = shown(source, at(source, "WRONG", "here"), at(source, "a ", "first"))
    assert len(text) < 600
    lines = text.split("\n")
    column = lines[2].index("WRONG") if "WRONG" in lines[2] else lines[4].index("WRONG")
    assert any(line[column : column + 10] == "^^^^^ here" for line in lines)


def test_a_span_over_several_lines_is_underlined_to_the_end_of_its_first() -> None:
    source = Source("a.nn", "f(a,\n  b)\n")
    assert shown(source, at(source, "f(a,\n  b)")).split("\n")[2:] == ["1 | f(a,", "  | ^^^^"]


def test_the_end_of_the_text_and_an_empty_text() -> None:
    source = Source("a.nn", "abc")
    assert shown(source, Label(Span(source=source, start=3, end=3))).endswith("1 | abc\n  |    ^")
    empty = Source("a.nn", "")
    assert shown(empty, Label(Span(source=empty, start=0, end=0))) == (
        "error[E0301]: wrong\n  a.nn:1:1")


def test_color_only_adds_escapes() -> None:
    error = Diagnostic(code="E0301", message="wrong", primary=at(CNN, "16", "this"))
    plain, colored = render_all([error, error]), render_all([error], color=True)
    assert plain.endswith("\n\n2 errors") and "\x1b" not in plain
    assert "\x1b[31m^" in colored


def test_json() -> None:
    error = Diagnostic(code="E0301", message="wrong", primary=at(CNN, "16", "this"), hint="mend")
    assert json.loads(diagnostics_json([error])) == [{
        "code": "E0301", "severity": "error", "message": "wrong", "hint": "mend", "secondary": [],
        "primary": {"file": "cnn.nn", "line": 6, "column": 13, "end_line": 6, "end_column": 15,
                    "label": "this"},
    }]


def test_a_warning_is_called_one() -> None:
    place = at(CNN, "16", "this")
    warning = Diagnostic(code="W0001", message="odd", primary=place, severity="warning")
    assert render_all([warning, warning]).startswith("warning[W0001]: odd\n")
    assert render_all([warning, warning]).endswith("\n\n2 warnings")
    assert "\x1b[33mwarning[W0001]" in render_all([warning], color=True)
    assert json.loads(diagnostics_json([warning]))[0]["severity"] == "warning"


def test_a_name_of_thousands_of_characters_is_cut_in_messages() -> None:
    with pytest.raises(CompileError) as caught:
        compile_source(f"model f(x : scalar) -> scalar {{ {'a' * 5000} + x }}")
    (diagnostic,) = caught.value.diagnostics
    assert len(diagnostic.message) < 700
    assert diagnostic.message.startswith("`aaa") and diagnostic.message.endswith("is not defined")
