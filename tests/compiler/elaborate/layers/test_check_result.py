"""`[a, b]` is a tensor wherever a tensor is given: alone, in a tuple, by name, within another."""

from __future__ import annotations

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
TWICE = np.stack([X, 2 * X], axis=1)


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-> [2, 3] { [x, 2 * x] }", {"f": TWICE}),
        ("-> (y : [2, 3], z : [3]) { ([x, 2 * x], x) }", {"y": TWICE, "z": X}),
        ("{ y = [x, 2 * x]\n (y, y[1]) }", {"result0": TWICE, "result1": 2 * X}),
        ("-> [2, 2, 3] { [[x, x], [x, x]] }", {"f": np.stack([np.stack([X, X], 1)] * 2, 1)}),
        ("-> (a : [2], b : [3]) { ([1, 2], x) }", {"a": np.array([[1, 2]] * 2), "b": X}),
        ("-> [2] { [1, sum(x)] }", {"f": np.stack([np.ones(2), X.sum(1)], 1)}),
        ("-> [2, 3] { pair(x) }", {"f": TWICE}),
    ],
)
def test_numbers_in_brackets_are_a_tensor(
    target: str, text: str, expected: dict[str, np.ndarray]
) -> None:
    spec = f"function pair(x : [n]) -> [2, n] {{ [x, 2 * x] }}\nmodel f(x : [3]) {text}"
    found = gradc.Session(gradc.compile_source(spec), target).run("f", x=X)
    found = found if isinstance(found, dict) else {"f": found}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)


@pytest.mark.parametrize(
    "text",
    ["-> [3, 3] { [x, 2 * x] }", "-> ([3, 3], [3]) { ([x, 2 * x], x) }", "-> [3] { [1, 2] }"],
)
def test_so_their_claims_are_checked(text: str) -> None:
    with pytest.raises(CompileError, match="E0301"):
        gradc.compile_source(f"model f(x : [3]) {text}")


def test_sizes_stay_sizes() -> None:
    text = "function wide(n) { [n, 2] }\nmodel f(x : [6]) -> [3, 2] { x |> as(wide(3)) }"
    gradc.compile_source(text)
