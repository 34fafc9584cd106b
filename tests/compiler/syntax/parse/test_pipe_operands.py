"""Operations before `|>`: one error a place, with two readings that mean two things."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.syntax.pretty.format_source import format_source


def readings(text: str) -> list[list[str]]:
    """The readings of each error."""
    with pytest.raises(CompileError) as caught:
        gradc.compile_source(text)
    assert {d.code for d in caught.value.diagnostics} == {"E0129"}
    return [re.findall(r"`([^`]*)`", d.hint or "") for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x + x |> tanh", ["(x + x) |> tanh", "x + (x |> tanh)"]),
        ("x + x^2 |> tanh |> relu", ["(x + x^2) |> tanh |> relu", "x + ((x^2) |> tanh |> relu)"]),
        ("x if 1 < 2 else 2*x |> tanh",
         ["(x if 1 < 2 else 2 * x) |> tanh", "x if 1 < 2 else ((2 * x) |> tanh)"]),
        ("x * x : [2] |> tanh", ["(x * x) : [2] |> tanh", "x * (x : [2] |> tanh)"]),
        ("(x - x |> tanh) |> sin", ["(x - x) |> tanh |> sin", "x - (x |> tanh |> sin)"]),
        ("-x^2 |> exp", ["(-x^2) |> exp", "-((x^2) |> exp)"]),
        ("-x^2 : [2] |> exp", ["(-x^2) : [2] |> exp", "-((x^2) : [2] |> exp)"]),
        ("x + (x * x) |> tanh", ["(x + x * x) |> tanh", "x + ((x * x) |> tanh)"]),
    ],
)  # fmt: skip
def test_both_readings_are_shown_and_accepted(body: str, expected: list[str]) -> None:
    (found,) = readings(f"model f(x : [2]) -> [2] {{ {body} }}")
    assert found == expected
    x = np.array([[0.3, -1.7]])
    answers = []
    for reading in found:
        program = gradc.compile_source(f"model f(x : [2]) -> [2] {{ {reading} }}")
        answers.append(gradc.Session(program, "reference").run("f", x=x))
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


def test_one_error_a_place() -> None:
    text = """model f(x : [2]) -> [2] {
        a = x + x |> tanh |> relu
        x |> relu if training else tanh |> relu |> sin
    }
    model g(x : [2]) -> [2] { x |> each((x if true else x |> tanh)) }"""
    assert [len(found) for found in readings(text)] == [2, 2, 2]


@pytest.mark.parametrize(
    "body",
    ["-x |> tanh", "x : [2] |> tanh", "(x + x) |> tanh", "((x + x)) : [2] |> tanh",
     "x + (x |> tanh)", "x |> (relu if training else tanh) |> sin",
     "(-(x + x)) |> tanh", "-(x + x) |> tanh", "(x + x : [2]) |> tanh", "(-x^2) |> tanh",
     "[x[0] + 1, x[1]] |> tanh", "x |> relu"],
)  # fmt: skip
def test_what_is_clear_needs_no_brackets(body: str) -> None:
    gradc.compile_source(f"model f(x : [2]) -> [2] {{ {body} }}")


def test_the_formatter_keeps_the_brackets_of_signs() -> None:
    kept = "model f(x : [2]) -> [2] { (-x^2) |> exp }\n"
    assert format_source(Source("spec.nn", kept)) == kept
