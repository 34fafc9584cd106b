"""`gradc bench`: what it says, not how fast anything is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.pipeline import compile_source
from gradc_runtime.cli.actions import bench, simulated
from gradc_runtime.cpu.tuning import autotuner, roofline
from gradc_runtime.session.session import Session
from tests.runtime.cli.calling import Caller

SPECS = Path(__file__).parents[3] / "specs"

SCHEDULED = """
model f(x : [2]) -> [1] { x |> dense(1) }
data d(x : [2]) = npz("none.npz")
train on d { minimize sum(f(x)^2) using sgd(lr = warmup(0.1, 100)) }
"""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "BUDGET", 0.001)
    monkeypatch.setattr("gradc_runtime.cli.actions.bench.SECONDS", 0.0)
    monkeypatch.setattr("gradc_runtime.cli.actions.bench.WALKS", 2)


def test_a_step_and_its_instructions(call: Caller) -> None:
    options = ("--batch", "8", "--threads", "1", "--json", "--without", "whole-step")
    (step,) = call("bench", SPECS / "circle.nn", *options).data
    assert (step["step"], step["batch"], step["threads"]) == ("train", 8, 1)
    assert step["seconds"] > 0 and step["limit"] > 0
    products = [line for line in step["lines"] if line["kernel"].startswith("contract")]
    # of [8, 2][2, 5] and [8, 5][5, 2]: both forward, both weights, and the input of the second;
    # and the sums of both biases, as products with 1
    biases = 2 * 8 * (5 + 2)
    assert sum(line["operations"] for line in products) == 5 * 2 * 8 * 2 * 5 + biases


def test_a_small_step_is_one_line(call: Caller) -> None:
    (step,) = call("bench", SPECS / "circle.nn", "--batch", "8", "--json").data
    (line,) = step["lines"]
    assert line["kernel"] == "loops" and line["operations"] > 0


def test_short_steps_are_made_as_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counting(inputs: Mapping[str, Any], steps: int, batch: int) -> None:
        assert batch == 3
        calls.append((steps, {len(rows) for rows in inputs.values()}))

    rows = {"x": np.zeros((3, 2)), "xs": Ragged.of([np.zeros(2)] * 3), "length/xs": np.ones(3)}
    for alone, steps in ((True, 1), (False, bench.MOST)):
        calls.clear()
        monkeypatch.setattr(bench, "CALL", 10.0)
        assert bench.step_seconds(counting, rows, 3, alone=alone) > 0
        assert calls == 3 * [(1, {3})] + 5 * [(steps, {3 * steps})]


def test_a_schedule_is_read_on_beyond_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(bench, "CALL", 10.0)
    monkeypatch.setattr(bench, "step_seconds", lambda *given, **named: made.append(given) or 1.0)
    program = compile_source(SCHEDULED)
    session = Session(program, threads=1)
    bench.timed(
        session, program, session.training.steps[0], 2, (measured := roofline.measure(1), measured)
    )
    ((run, inputs, batch),) = made
    for _ in range(3):
        run({n: np.concatenate([rows] * 2000) for n, rows in inputs.items()}, 2000, batch)
    (ahead,) = session.tables.of.values()
    assert ahead.count >= 6000 and int(ahead.place) < ahead.size


def test_every_step_has_its_table(call: Caller) -> None:
    answer = call("bench", SPECS / "gan.nn", "--batch", "4", "--threads", "2")
    assert answer.code == 0
    for words in ("step discriminator, batch 4, 2 threads", "step generator", "furthest from"):
        assert words in answer.out


def test_sequences_are_timed_too(call: Caller) -> None:
    spec = next(path for path in sorted(SPECS.glob("*.nn")) if "scan(" in path.read_text())
    assert call("bench", spec, "--batch", "3", "--json").data


def test_a_spec_without_training_is_refused(call: Caller, tmp_path: Path) -> None:
    spec = tmp_path / "plain.nn"
    spec.write_text("model f(x : [2]) -> [1] { x |> dense(1) }\n")
    answer = call("bench", spec)
    assert answer.code == 2 and "no train block" in answer.err


def test_what_was_tuned_is_said_and_kept(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(autotuner, "SECONDS", 0.0)
    monkeypatch.setattr(autotuner, "WORTH", 1e9)  # whatever is fastest is taken
    options = ("--batch", "37", "--threads", "1")
    answer = call("bench", SPECS / "autoencoder.nn", *options, "--tune")
    assert answer.code == 0
    assert "train, batch 37: blocks of " in answer.err
    assert "autoencoder, step train, batch 37, 1 thread: blocks of " in call("cache").out
    (step,) = call("bench", SPECS / "autoencoder.nn", *options, "--json").data
    assert isinstance(step["block"], int)
    said = call("bench", SPECS / "autoencoder.nn", *options).out
    assert (", tuned" in said) == step["tuned"]


def test_a_single_kernel_is_not_tuned(call: Caller) -> None:
    answer = call("bench", SPECS / "circle.nn", "--batch", "8", "--tune")
    assert "a single kernel, nothing to tune" in answer.err


def test_a_step_on_more_threads_than_there_are_is_simulated(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TURNS": 1, "TURN": 0.0, "PATIENCE": 0.0}.items():
        monkeypatch.setattr(simulated, name, value)
    monkeypatch.setattr(simulated, "arrival_seconds", lambda *_: 1e-7)  # however busy
    options = ("--batch", "48", "--threads", "2", "--simulate")
    (step,) = call("bench", SPECS / "mnist_cnn.nn", *options, "--json").data
    rows = {row["threads"]: row for row in step["threads"]}
    assert [*rows] == [1, 2, 8, 16, 32, 64]
    assert rows[1]["speedup"] == 1
    assert rows[1]["seconds"] == pytest.approx(rows[1]["measured"])
    assert all(1 < rows[threads]["speedup"] <= threads for threads in (2, 8))
    assert rows[2]["measured"] > 0 and rows[8]["measured"] is None
    assert 0 < rows[2]["cores"] < 2.1 and isinstance(rows[2]["disturbed"], bool)
    assert rows[64]["teams"] * rows[64]["members"] <= 64
    (text,) = [
        line for line in call("bench", SPECS / "circle.nn", *options).out.splitlines() if line
    ]
    assert text == "step train, batch 48: a single kernel, which one thread runs"


def test_a_step_too_short_for_the_clock(capsys: pytest.CaptureFixture[str]) -> None:
    line = bench.BenchLine(
        what="%1 mul", kernel="loops", operations=1, bytes=4, seconds=0.0, limit=0.0
    )
    bench.show(
        bench.Timed(
            step="train", batch=8, threads=2, block=8, tuned=False, seconds=1e-9, limit=0.0,
            lines=[line], inexact={}, off=0.0,
        )
    )  # fmt: skip
    assert " - " in capsys.readouterr().out
