"""The cells of the prelude, step by step from their published equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph_tools.evaluate import evaluate
from tests.support.ragged import module, result

Step = Callable[[dict[str, Any], Any, Any], Any]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def elman(p: dict[str, Any], h: Any, x: Any) -> Any:
    return np.tanh(p["W"] @ h + p["U"] @ x + p["b"])


def lstm(p: dict[str, Any], s: Any, x: Any) -> Any:
    i, f, g, o = np.split(p["W"] @ s[0] + p["U"] @ x + p["b"], 4)
    c = sigmoid(f) * s[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(p: dict[str, Any], h: Any, x: Any) -> Any:
    xr, xz, xh = np.split(p["U"] @ x + p["b"], 3)
    hr, hz = np.split(p["W"] @ h, 2)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return z * h + (1 - z) * np.tanh(xh + p["V"] @ (r * h))


def gru_reset_after(p: dict[str, Any], h: Any, x: Any) -> Any:
    xr, xz, xh = np.split(p["U"] @ x + p["b"], 3)
    hr, hz, hh = np.split(p["W"] @ h, 3)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return z * h + (1 - z) * np.tanh(xh + r * (hh + p["c"]))


CELLS: dict[str, Step] = {
    "elman": elman,
    "lstm": lstm,
    "gru": gru,
    "gru_reset_after": gru_reset_after,
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("units", [1, 7])
def test_a_cell_along_a_sequence(name: str, units: int) -> None:
    text = f"model f(xs : seq [3]) -> seq [{units}] {{ xs |> scan({name}({units})) }}"
    found, p = result(text)
    own = {key.removeprefix(f"f.{name}1."): value for key, value in p.items()}
    for k, xs in enumerate(p["xs"]):
        zero, rows = np.zeros(units), []
        state = (zero, zero) if name == "lstm" else zero
        for x in xs:
            state = CELLS[name](own, state, x)
            rows.append(state[0] if name == "lstm" else state)
        np.testing.assert_allclose(found[k], np.array(rows).reshape(-1, units))


def test_the_forget_gate_begins_open() -> None:
    made = module("model f(xs : seq [3]) -> seq [2] { xs |> scan(lstm(2, forget = 3)) }")
    bias = next(p for p in made.parameters if p.name == "f.lstm1.b")
    np.testing.assert_array_equal(evaluate(bias.initial, {})["value"], [0, 0, 3, 3, 0, 0, 0, 0])
