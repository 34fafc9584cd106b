"""Every message of the tables is reached, at its line and column, and explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Source
from gradc_compiler.error_index import CODES, explain
from gradc_compiler.syntax.lex.recover import SIGNS
from gradc_compiler.syntax.parse.messages import BORROWED, UNEXPECTED, MessageRow, body
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source


def errors(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(CompileError) as caught:
        parse(Source("t.nn", text))
    return caught.value.diagnostics


def places(text: str) -> list[str]:
    return [f"{e.primary.span.line}:{e.primary.span.column} {e.code}" for e in errors(text)]


@pytest.mark.parametrize("row", UNEXPECTED, ids=lambda row: row.example.strip()[:60])
def test_each_row_speaks_for_its_example(row: MessageRow) -> None:
    place = row.example.index("§")
    (error,) = errors(row.example.replace("§", ""))
    assert (error.code, error.primary.span.start) == (row.code, place)
    assert re.fullmatch(re.sub(r"\\\{\w+\\\}", ".*", re.escape(row.message)), error.message)
    assert error.hint and "{found" not in error.hint


@pytest.mark.parametrize("word", BORROWED)
def test_words_of_other_languages_have_their_hint(word: str) -> None:
    assert errors(body(f"{word} y"))[0].hint == BORROWED[word]


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_of_other_languages_give_one_error(sign: str) -> None:
    found = [e for e in errors(body(f"y = a {sign} b")) if e.code == "E0114"]
    assert [e.hint for e in found] == [SIGNS[sign][2]]


WRONG = [
    # text, line:column and code of each error
    ("", ["1:1 E0109"]),
    ("# only this\n", ["1:1 E0109"]),
    ("modle f(x) { x }", ["1:1 E0117"]),
    ("model f(x) {\n    x\n\nmodel g(x) { x }\n", ["1:12 E0104"]),
    ("model f(x) {\n    y = g(x\n    y\n}\n", ["2:10 E0104"]),
    ("model f(x) {\n    y = g(x\n    z = 2\n    y\n}\n", ["2:10 E0104"]),
    ("model f(x) { g(x] }", ["1:17 E0104"]),
    ("model f(x) { x } }", ["1:18 E0104"]),
    ("model f(x : [3) -> [3] { x }", ["1:13 E0104"]),
    ("model f(x { x }", ["1:8 E0104"]),
    ('data d(x : scalar) = csv("a.csv)\n', ["1:26 E0105"]),
    ("data d(x : scalar) = csv('a.csv')\n", ["1:26 E0105"]),
    ("model f(x) { .5 * x + 10. + 0x1F + 1__0 + 3px }",
     ["1:14 E0108", "1:23 E0108", "1:29 E0108", "1:36 E0108", "1:43 E0108"]),
    ("model f(x) { 1e999 * x }", ["1:14 E0108"]),
    ("model f(na\u00efve) { x\u00b2 }", ["1:9 E0103", "1:18 E0103"]),
    ("optimizer o(a)(p, g) { p'' = p }", ["1:24 E0103"]),
    ("model layer(x) { x }", ["1:7 E0111"]),
    ("model f(x) { param data = 3; x }", ["1:20 E0111"]),
    ("model f(x) { a = = 3; b = 4 5; c }", ["1:18 E0119", "1:29 E0121"]),
    ("model f(x) { x + 1; x + 2 }", ["1:14 E0120"]),
    ("function f(a : [n]) { contract(: a[i] * a) }", ["1:41 E0124"]),
    ("model f(x) { x\u202e }", ["1:15 E0102"]),
    ("model f(x) { x }\x00", ["1:17 E0102"]),
    ("model f(x) { x }\rmodel g(x) { x }", ["1:17 E0102"]),
    ("model f(x) { g(x) |> }\ntrain on d {\n    minimize\n    using adam(lr = )\n}\n",
     ["1:22 E0119", "3:13 E0119", "4:21 E0119"]),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[repr(text)[:50] for text, _ in WRONG])
def test_all_errors_of_a_file_with_their_places(text: str, expected: list[str]) -> None:
    assert places(text) == expected


def test_an_unclosed_bracket_points_to_both_ends() -> None:
    (error,) = errors("model f(x) {\n    x |> g(3\n    |> h\n}\n")
    assert error.message == "this `(` is never closed: `}` comes first"
    (second,) = error.secondary
    assert (error.primary.span.text, second.span.line, second.span.column) == ("(", 4, 1)


def test_a_misspelt_declaration_has_a_suggestion() -> None:
    assert errors("modle f(x) { x }")[0].hint == "did you mean `model`?"


@pytest.mark.parametrize(("data", "place", "message"), [
    (b"model f(x) {\n  \xe9 }", (2, 3), "byte 15 is 0xe9, which is not UTF-8"),
    (b"\xff\xfem\x00", (1, 1), "byte 0 is 0xff, which is not UTF-8"),
    (b"x" * 4_000_001, (1, 1), "the file is 4.0 MB, the limit is 4 MB"),
])
def test_unreadable_files(
    tmp_path: Path, data: bytes, place: tuple[int, int], message: str
) -> None:
    path = tmp_path / "wrong.nn"
    path.write_bytes(data)
    with pytest.raises(CompileError) as caught:
        read_source(path)
    (error,) = caught.value.diagnostics
    assert (error.primary.span.line, error.primary.span.column) == place
    assert error.message == message


@pytest.mark.parametrize("path", ["missing.nn", ".", "a\0b"])
def test_what_is_no_file_is_an_error_of_the_program(path: str) -> None:
    with pytest.raises(CompileError, match="E0101"):
        read_source(path)


def test_byte_order_mark_and_carriage_returns_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "windows.nn"
    path.write_bytes(b"\xef\xbb\xbfmodel f(x) {\r\n    x\r\n}\r\n")
    source = read_source(path)
    assert source.text == "model f(x) {\n    x\n}\n"
    assert parse(source).declarations[0].span.line == 1


def test_every_code_in_use_is_explained() -> None:
    root = Path(__file__).parents[4] / "compiler" / "syntax"
    used = {
        code for path in root.rglob("*.py") for code in re.findall(r"E01\d\d", path.read_text())
    }
    assert used == {code for code in CODES if code.startswith("E01")}
    assert "Right:" in (explain("e0104") or "") and explain("E9999") is None


BY_BYTES = {"E0101", "E0102", "E0106", "E0107", "E0109"}  # whose examples cannot be spelt out


@pytest.mark.parametrize("code", [c for c in CODES if c.startswith("E01") and c not in BY_BYTES])
def test_the_examples_of_an_explanation_are_wrong_and_right(code: str) -> None:
    assert {error.code for error in errors(CODES[code].wrong)} == {code}
    parse(Source("t.nn", CODES[code].right))
