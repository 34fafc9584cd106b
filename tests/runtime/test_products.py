"""Contractions of several factors, as programs: the CPU gives what the reference gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session

MODELS = {
    "form": "(x : [9], z : [9]) -> scalar { param T : [9, 9] ~ normal(0, 1)\n"
    "contract(: x[i] * T[i, j] * z[j]) }",
    "layer": "(x : [5], z : [7]) -> [3] { param T : [3, 5, 7] ~ normal(0, 1)\n"
    "contract(k : x[i] * T[k, i, j] * z[j]) }",
    "cubes": "(x : [4]) -> [4] { param w : [4] = 2\ncontract(i : x[i] * w[i] * w[i]) }",
    "slopes of cubes": "(x : [4]) -> [4] { param w = 2\n"
    "w * grad(sum(contract(i : x[i] * x[i] * x[i])), x) }",
    "slopes of slopes": "(z : [4]) -> [4] { param w = 0.5\nx = w * z\n"
    "g = grad(sum(contract(i : x[i] * x[i] * x[i] * x[i])), x); grad(sum(g * g), x) }",
    "slopes of a layer": "(x : [5], z : [7]) -> [5] { param T : [3, 5, 7] ~ normal(0, 1)\n"
    "y = contract(k : x[i] * T[k, i, j] * z[j]); grad(sum(y * y), x) }",
    "gated window": "(x : [8], z : [8]) -> [8] { param W : [3, 8] ~ normal(0, 1)\n"
    "contract(i < 8 : x[i + k - 1] * W[k, i] * z[i]) }",
    "of constants": "(x : [4, 5]) -> [4] { param w = 2\n"
    "w * contract(i : x[i, j] * ones([1])[k] * iota(5)[j]) }",
    "of a constant outside": "(x : [5]) -> [5] { param w = 2\n"
    "w * contract(i < 5 : x[i] * ones([3])[i + j - 1] * ones([2])[j]) }",
    "sequence": "(xs : seq [4], z : [5]) -> [3] { param T : [3, 4, 5] ~ normal(0, 1)\n"
    "time_sum(contract(k : T[k, i, j] * xs[i] * z[j])) }",
    "recurrence": "(xs : seq [4]) -> [4] { param T : [4, 4, 4] ~ normal(0, 0.3)\n"
    "h = previous(zeros([4]), xs)\nh' = tanh(contract(k : h[i] * T[k, i, j] * xs[j]) + xs)\n"
    "last(h') }",
}
WAYS = {(): 2, ("pairs",): 1, ("pairs", "whole-step", "fusion"): 2}  # with so many threads


def program(body: str, without: Any = ()) -> Program:
    inputs = body[1 : body.index(")")]
    given = ", ".join(part.split(" : ")[0] for part in inputs.split(", ") if " : " in part)
    data = f'data d({inputs}) = npz("none.npz")'
    train = f"train on d {{ minimize sum(tanh(f({given}))^2) using sgd(lr = 0.1) }}"
    return compile_source(f"model f{body}\n{data}\n{train}", without=without)


def numbers(made: Program, batch: int) -> dict[str, Any]:
    draws = np.random.default_rng(batch)
    return {
        name: draws.normal(size=(batch, *type.shape))
        if type.time is None
        else [draws.normal(size=(n % 5, *type.shape)) for n in range(batch)]
        for name, type in made.inputs["f"].items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_factors(name: str) -> None:
    made = program(MODELS[name])
    given = numbers(made, 37)
    reference = Session(made, "reference", "float64", seed=1)
    wanted = [reference.run("f", **given), reference.gradients(**given), reference.step(**given)]
    for without, threads in WAYS.items():
        other = program(MODELS[name], without)
        session = Session(other, "cpu", "float64", seed=1, threads=threads)
        found = [session.run("f", **given), session.gradients(**given), session.step(**given)]
        for a, b in zip(found, wanted, strict=True):
            assert_alike(a, b)


def assert_alike(found: Any, wanted: Any) -> None:
    if isinstance(wanted, tuple | list):
        for a, b in zip(found, wanted, strict=True):
            assert_alike(a, b)
    elif hasattr(wanted, "items"):
        for key, value in wanted.items():
            assert_alike(found[key], value)
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
