"""Axes of no elements: the empty result, or the sum of nothing, on every target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session

INPUTS = "x : [4], l : class(4), z : [2], xs : seq [3], e : [0], es : seq [0]"
SHAPES = {  # what a body gives for each of 3 examples
    "zeros([0])": (0,),
    "zeros([2, 0])": (2, 0),
    "iota(0)": (0,),
    "x[2:2]": (0,),
    "e": (0,),
    "tanh(e) + 1": (0,),
    "x * zeros([0, 4])": (0, 4),
    "where(e > 0, 1, e)": (0,),
    "reshape(zeros([0, 3]), [3, 0])": (3, 0),
    "transpose(zeros([0, 3]) * x[0])": (3, 0),
    "concat(e, x)": (4,),
    "concat(e, zeros([0]))": (0,),
    "concat(zeros([0, 2]), zeros([0, 3]), axis = 1)": (0, 5),
    "max(zeros([3, 0]), axis = 0)": (0,),
    "take(zeros([4, 0]), l)": (0,),
    "zeros([0, 4]) @ x": (0,),
    "e |> dropout(0.5)": (0,),
    "grad(sum(e * x[0]), e)": (0,),
    "z |> unfold(0, gru(4))": (0, 4),
    "rows(zeros([0, 3]) * x[0])": (0, 3),
}
NUMBERS = {
    "sum(e)": 0,
    "sum(x) * 0 + sum(zeros([0, 3]), axis = 0)": [0, 0, 0],
    "contract(i : x[i] * e[j] * e[j]) + 1": [1, 1, 1, 1],
    "contract(i : x[i] * e[j])": [0, 0, 0, 0],
    "contract(i < 4 : e[i + 0] * e[i + 0])": [0, 0, 0, 0],
    "zeros([4, 0]) @ e + 2": [2, 2, 2, 2],
    "norm(time_sum(es))": 0,
    "grad(sum(e * x[0]), x)": [0, 0, 0, 0],
    "time_sum(rows(zeros([0, 3]) + x[0]))": [0, 0, 0],
    "sum(e |> repeat(0, dense(4)))": 0,
}
REFUSED = {
    "max(e)": "the greatest of no elements is undefined",
    "argmax(e)": "the greatest of no elements is undefined",
    "softmax(e)": "the greatest of no elements is undefined",
    "mean(e)": "the mean of no elements is undefined",
    "scatter(x[0], l, 0)": "there are 0 rows",
    "one_hot(l, 0)": "there are 0 rows",
    "take(zeros([0, 3]), l)": "there are 0 rows",
    "x |> dense(0)": "would have no elements",
}
GIVEN: dict[str, Any] = {
    "x": np.arange(12.0).reshape(3, 4),
    "l": [0, 1, 3],
    "z": np.ones((3, 2)),
    "e": np.zeros((3, 0)),
    "es": [np.zeros((n, 0)) for n in (2, 0, 3)],
}


def results(bodies: list[str], target: str, threads: int, without: tuple[str, ...]) -> list[Any]:
    """What some bodies give, each as a model of its own of one program."""
    models = [f"model f{k}({INPUTS}) {{ {body} }}" for k, body in enumerate(bodies)]
    program = compile_source("\n".join(models), without=without)
    session = Session(program, target, "float64", seed=1, threads=threads)
    inputs = [program.inputs[f"f{k}"] for k in range(len(bodies))]
    return [
        session.run(f"f{k}", **{name: GIVEN[name] for name in read if name in GIVEN})
        for k, read in enumerate(inputs)
    ]


WAYS = [("reference", 1, ()), ("cpu", 1, ()), ("cpu", 2, ("whole-step", "fusion"))]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_has_no_elements_is_empty(way: tuple[str, int, tuple[str, ...]]) -> None:
    for (body, shape), found in zip(SHAPES.items(), results([*SHAPES], *way), strict=True):
        assert np.shape(found) == (3, *shape), body


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_sum_of_nothing_is_zero(way: tuple[str, int, tuple[str, ...]]) -> None:
    for (body, wanted), found in zip(NUMBERS.items(), results([*NUMBERS], *way), strict=True):
        np.testing.assert_array_equal(found, [wanted] * 3, err_msg=body)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_brackets_with_nothing_are_an_empty_tensor(way: tuple[str, int, tuple[str, ...]]) -> None:
    (found,) = results(["[]"], *way)
    assert np.shape(found) == (3, 0)


@pytest.mark.parametrize("body", REFUSED)
def test_what_has_no_meaning_is_told(body: str) -> None:
    with pytest.raises(CompileError) as error:
        compile_source(f"model f({INPUTS}) {{ {body} }}")
    assert REFUSED[body] in error.value.diagnostics[0].message


@pytest.mark.parametrize("without", [(), ("whole-step",)])
def test_a_step_reads_what_is_empty(without: tuple[str, ...]) -> None:
    text = """
model f(x : [4], e : [0]) -> [4] { param w = 1; concat(x, e * w) * w + sum(e) }
data d(x : [4], e : [0]) = npz("none.npz")
train on d { minimize sum(f(x, e)^2) using adam(lr = 0.1) }
"""
    program, losses = compile_source(text, without=without), []
    for target in ("reference", "cpu"):
        session = Session(program, target, "float64", seed=1)
        losses.append([[*session.step(x=GIVEN["x"], e=GIVEN["e"]).values()] for _ in range(3)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)
