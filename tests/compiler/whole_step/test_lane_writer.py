"""Small networks with many numbers: one kernel of loops over vectors of examples."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.program.entry import Entry
from gradc_compiler.whole_step import lane_writer, whole_step
from gradc_compiler.whole_step.step_passes import run_step_passes

CURVE = """
model f(x : [3]) -> [2] { x |> dense(21) |> tanh |> dense(13) |> sigmoid |> dense(17) |> dense(2) }
data points(x : [3], y : [2]) = csv("none.csv")
train on points {
    minimize mean_squared_error(f(x), y) + 1e-3 * l2(f)
    using sgd(lr = 1e-1), batch 8, epochs 1
}
"""
CLASSES = """
model f(x : [7]) -> [5] { x |> dense(23) |> relu |> batch_norm |> dense(5) }
data points(x : [7], y : class(5)) = csv("none.csv")
train on points {
    minimize cross_entropy(f(x), y)
    report accuracy(f(x), y)
    using momentum(lr = 1e-1), batch 8, epochs 1
}
"""
TEXTS = {"curve": CURVE, "classes": CLASSES}


@cache
def entry_of(text: str, name: str = "step/train") -> Entry:
    return gradc.compile_source(text).entries[name]


def kernel_of(text: str, name: str = "step/train") -> str:
    """The text of an entry's one kernel, which is made of loops over rows."""
    whole = entry_of(text, name).whole_step
    assert whole is not None
    (kernel,) = whole.entry.kernels
    assert kernel.source is not None and "s0 = rows(" in kernel.source
    return kernel.source


def batch_of(text: str, count: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    if text == CLASSES:
        return {"x": rng.normal(size=(count, 7)), "y": rng.integers(0, 5, count)}
    return {"x": rng.normal(size=(count, 3)), "y": rng.normal(size=(count, 2))}


def training(text: str, count: int, steps: int = 3, **settings) -> list[float]:
    session = gradc.Session(gradc.compile_source(text), seed=1, **settings)
    return [session.step(**batch_of(text, count, k))["loss"] for k in range(steps)]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("count", [1, 7, 37, 113])
def test_it_computes_what_the_reference_does(text: str, count: int) -> None:
    assert kernel_of(text)
    wanted = training(text, count, target="reference", dtype="float64")
    assert training(text, count, dtype="float64") == pytest.approx(wanted, rel=1e-10)
    assert training(text, count) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("name", ["gradients/train", "evaluate/train", "forward/f"])
def test_other_entries_are_such_kernels_too(name: str) -> None:
    assert kernel_of(CURVE, name)
    found, wanted = (
        gradc.Session(gradc.compile_source(CURVE), seed=1, target=target)
        for target in ("cpu", "reference")
    )
    batch = batch_of(CURVE, 37, 0)
    (_, gradients), (_, known) = found.gradients(**batch), wanted.gradients(**batch)
    for key, value in known.items():
        np.testing.assert_allclose(gradients[key], value, rtol=1e-4, atol=1e-6)
    outputs = [session.run("f", x=batch["x"]) for session in (found, wanted)]
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)


def test_threads_do_not_change_a_bit() -> None:
    first = training(CURVE, 33, threads=1)
    assert all(training(CURVE, 33, threads=threads) == first for threads in (2, 4))


def test_infinities_of_one_example_are_its_own() -> None:
    session = gradc.Session(gradc.compile_source(CURVE), seed=1)
    x = batch_of(CURVE, 33, 0)["x"]
    calm = session.run("f", x=x)
    x[5] = np.inf
    wild = session.run("f", x=x)
    others = np.arange(33) != 5
    np.testing.assert_array_equal(wild[others], calm[others])


def test_it_is_one_readable_kernel() -> None:
    text = kernel_of(CURVE)
    assert "# %" in text and ":2:" in text  # nodes, and lines of the spec
    assert max(len(line) for line in text.splitlines()) < 100 and len(text.splitlines()) < 800


def test_a_step_of_few_numbers_stays_written_out() -> None:
    text = CURVE.replace("dense(21) |> tanh |> dense(13) |> sigmoid |> dense(17)", "dense(3)")
    whole = entry_of(text).whole_step
    assert whole is not None and "rows(" not in whole.entry.kernels[0].source


def test_large_layers_stay_tables() -> None:
    assert entry_of(CURVE.replace("dense(21)", "dense(113)")).whole_step is None


def test_what_is_large_is_given_up_before_its_words_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = [0]

    def watched(self: lane_writer.LaneLoops, *given: Any) -> list[int]:
        found = moved(self, *given)
        counted.append(len(found))
        return found

    moved = lane_writer.LaneLoops.moved
    monkeypatch.setattr(lane_writer.LaneLoops, "moved", watched)
    assert entry_of(CURVE.replace("dense(21)", "dense(1113) |> dense(113)")).whole_step is None
    assert max(counted) <= lane_writer.MOST_STATEMENTS


def test_no_matrix_is_turned_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(step, switches):
        left = run_step_passes(step, switches)
        seen.append((len(step.tasks), len(left.tasks)))
        return left

    monkeypatch.setattr(whole_step, "run_step_passes", watched)
    entry = gradc.compile_source(CURVE).entries["step/train"]
    assert entry.whole_step is not None
    ((before, after),) = seen
    assert before - after == 4
    assert " copy " not in kernel_of(CURVE).split("m0 = ")[0]
