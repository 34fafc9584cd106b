"""A report has the result of a model that is minimized; what differs is elaborated anew."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import gradc
from gradc_compiler.elaborate.layers import calls
from gradc_compiler.pipeline import compile_source

MODEL = "model f(x : [4]) -> [3] {{ x |> {} |> dense(3) }}\n"
TRAIN = """
data d(x : [4], y : class(3)) = npz("none.npz")
train on d {{
    {}
    using momentum(lr = 0.1), batch 8
}}
"""
LOSS, REPORT = "minimize cross_entropy(f(x), y)", "report accuracy(f(x), y)"


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the body of each definition was elaborated."""
    counts, original = Counter[str](), calls._result_of

    def counted(definition, inner):  # type: ignore[no-untyped-def]
        counts[definition.name] += 1
        return original(definition, inner)

    monkeypatch.setattr(calls, "_result_of", counted)
    return counts


def spec(layer: str, *clauses: str) -> str:
    return MODEL.format(layer) + TRAIN.format("\n    ".join(clauses))


def times(applied: Counter[str], text: str) -> int:
    """How often a compilation elaborates the model."""
    applied.clear()
    compile_source(text)
    return applied["f"]


@pytest.mark.parametrize("layer", ["dense(5) |> tanh", "batch_norm"])
def test_reports_on_what_is_minimized_elaborate_no_model(applied: Counter[str], layer: str) -> None:
    alone = times(applied, spec(layer, LOSS))
    assert times(applied, spec(layer, LOSS, REPORT, "report sum(f(x))")) == alone > 0


def test_models_with_noise_draw_for_each_report(applied: Counter[str]) -> None:
    alone = times(applied, spec("dropout(0.5)", LOSS))
    assert times(applied, spec("dropout(0.5)", LOSS, REPORT)) > alone


def test_a_report_on_other_inputs_is_elaborated(applied: Counter[str]) -> None:
    alone = times(applied, spec("tanh", LOSS))
    assert times(applied, spec("tanh", LOSS, "report sum(f(2 * x))")) > alone


def test_two_applications_in_a_loss_are_two(applied: Counter[str]) -> None:
    alone = times(applied, spec("tanh", LOSS))
    assert times(applied, spec("tanh", "minimize cross_entropy(f(x) + f(x), y)")) > alone


def test_a_report_before_the_loss_moves_no_state() -> None:
    """Batch normalisation's means are moved by what is minimized, wherever it stands."""
    draw = np.random.default_rng(1)
    batch = {"x": draw.normal(size=(8, 4)), "y": draw.integers(0, 3, 8)}
    found = []
    for clauses in ((LOSS,), (LOSS, REPORT), (REPORT, LOSS)):
        session = gradc.Session(compile_source(spec("batch_norm", *clauses)), target="reference")
        losses = [session.step(**batch)["loss"] for _ in range(3)]
        found.append((losses, {name: v.tolist() for name, v in session.memory.views.items()}))
    assert found[0] == found[1] == found[2]
    assert any("running" in name and any(values) for name, values in found[0][1].items())
