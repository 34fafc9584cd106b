"""Any text is a program or a CompileError that can be shown; nothing else ever comes out."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gradc_compiler.diagnostics.render import diagnostics_json, render_all
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.error_index import CODES
from gradc_compiler.syntax.pretty.format_source import format_source

PROGRAMS = [path.read_text() for path in sorted(Path(__file__).parent.glob("programs/*.nn"))]
VOCABULARY = """
    ( ) [ ] { } , : ; = ~ + - * / // % @ ^ < == |> -> . .. if else and or not param noise state
    minimize over using report descend along step train on data import from layer model
    initializer scalar seq class contract x y' 3 5x5 1e-3 .5 ** && | \\ " ' \u00e9 # def return
    batch epochs \u201c 9x
"""
WORDS = st.sampled_from([*VOCABULARY.split(), "\n", "\n", " ", "\t", "\r\n", "\x00", "\u202e"])


def check(text: str) -> None:
    try:
        result = format_source(Source("t.nn", text))
    except CompileError as error:
        assert error.diagnostics
        for diagnostic in error.diagnostics:
            assert diagnostic.code in CODES
            span = diagnostic.primary.span
            assert 0 <= span.start <= span.end <= len(text)
        shown = render_all(error.diagnostics)
        assert "\x00" not in shown and "\u202e" not in shown
        diagnostics_json(error.diagnostics)
    else:
        assert format_source(Source("t.nn", result)) == result


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=80, deadline=None)
@given(st.lists(WORDS, max_size=60))
def test_any_words(words: list[str]) -> None:
    check(" ".join(words))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PROGRAMS), st.data())
def test_programs_with_pieces_cut_out_and_put_in(program: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(program)))
        end = data.draw(st.integers(start, min(len(program), start + 8)))
        program = program[:start] + data.draw(st.one_of(WORDS, st.just(""))) + program[end:]
    check(program)
