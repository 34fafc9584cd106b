"""Models whose sizes are open: their bodies are checked, and `check` says that they are open."""

from __future__ import annotations

import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError


def faults(text: str) -> list[str]:
    """The messages of a spec, by code."""
    try:
        gradc.compile_source(text)
    except CompileError as error:
        return [f"{d.code} {d.message}" for d in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model f(x : [n]) { x |> dense(3) |> nothing }", "E0201 `nothing` is not defined"),
        ("model f(x) { x |> nothing }", "E0201 `nothing` is not defined"),
        ("model f(x : t) -> t { nothing + x }", "E0201 `nothing` is not defined"),
        ("model f(x : [n, 4]) { x |> dense(3) }", "E0302 `dense` takes x : [n], got [n, 4]"),
        ("model f(x : [n]) -> [n, 3] { broadcast(x, [2, n]) }",
         "E0301 `f` claims [n, 3], but its body gives [2, n]"),
        ("model f(x : [2 * k]) -> [5] { x |> dense(3) }",
         "E0301 `f` claims [5], but its body gives [3]"),
        ("model f(y : class(k)) { relu(y) }",
         "E0306 `maximum` takes numbers, this is class(k)"),
        ("model f(xs : seq [n]) { xs |> nothing }", "E0201 `nothing` is not defined"),
    ],
)  # fmt: skip
def test_what_no_size_mends_is_an_error(text: str, expected: str) -> None:
    found = faults(text)
    assert len(found) == 1 and found[0].startswith(expected), found


@pytest.mark.parametrize(
    "text",
    [
        "model f(x : [h, w, 1]) { x |> flatten : [784] |> dense(10) }",
        "model f(x : [n]) { x |> as([3, 5]) }",
        "model f(x : [n]) { x : [784] |> dense(10) }",
        "model f(x : [n]) -> [3] { x }",
        "model f(x : [n, n]) -> [n, n] { x @ x }",
        "model f(x) { a, b = x\n a + b }",
        "model f(x : [t, d]) { x |> multi_head_attention(4) }",
        "model f(x : [t, d]) { x |> multi_head_attention(5) }",
        "model f(x : [h, w, c]) { x |> conv(4, 5x5, pad = valid) |> flatten |> dense(2) }",
        "model f(x : [..s, n]) -> [..s, n] { relu(x) }",
        "model f(x : [n], y : class(k)) { dense(k)(x)[y] }",
    ],
)
def test_what_fits_for_some_size_is_none(text: str) -> None:
    assert faults(text) == []


def test_sizes_of_a_model_that_training_applies_are_not_open() -> None:
    text = """model f(x : [n]) -> [1] { x |> dense(1) }
    data d(x : [3], y : [1]) = csv("d.csv")
    train on d { minimize sum((f(x) - y)^2) using sgd(lr = 0.1) }"""
    assert list(gradc.compile_source(text).models) == ["f"]
