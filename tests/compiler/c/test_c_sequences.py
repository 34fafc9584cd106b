"""Recurrent networks in C: what a session gives, for sequences of any length, also in training."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.c.emitting import NEEDS_CC, SPECS, Emitted, emitted
from tests.compiler.c.sequences import Sequences, joined
from tests.compiler.c.test_portable import WAYS, run

pytestmark = NEEDS_CC
MODELS = [
    ("row_digits", "digit"), ("tagging", "digit"), ("translate", "answer"), ("caption", "draw"),
    ("translate", "translate"), ("memory", "gated"), ("adding", "add"), ("characters", "next"),
]  # fmt: skip
STEPS = ["row_digits/train", "tagging/train", "translate/train", "memory/clipped"]
BOTH_WAYS = """
model f(xs : seq [3]) -> (each : seq [4], mean : [4], first : [4]) {
    there = xs |> scan(gru(4))
    back = xs |> reverse |> scan(elman(4)) |> reverse
    each = there + back
    (each, time_mean(each), first(each))
}
"""
PLACES = """
model f(ks : seq class(5)) -> seq [4] {
    param places : [6, 4] ~ normal(0, 1)
    (ks |> embedding(5, 4)) + places[place(ks)]
}
"""
PROGRAM = r"""#include "digit.h"
static struct digit_memory memory;
static float rows[4 * 9 * 28], scores[4 * 10];
static int32_t lengths[4];
int main(void) {
    if (!fill("rows", rows, ELEMENTS * 28 * sizeof *rows)) return 2;
    if (!fill("lengths", lengths, sizeof lengths)) return 3;
    if (digit_run(&memory, rows, lengths, scores, 4) != 0) return 4;
    for (int k = 0; k < 40; k++) printf("%.9g\n", (double)scores[k]);
    lengths[2] = DIGIT_MOST_ROWS + 1;
    return digit_run(&memory, rows, lengths, scores, 4) == DIGIT_WRONG_LENGTH ? 0 : 5;
}
"""


@pytest.mark.parametrize(("spec", "model"), MODELS)
def test_models(tmp_path: Path, spec: str, model: str) -> None:
    made = emitted(spec, f"forward/{model}", tmp_path)
    given = Sequences(made, 5)
    inputs = given.of_session
    wanted = made.session.run(model, *([] if inputs else [5]), **inputs)
    wanted = wanted if isinstance(wanted, dict) else {"only": wanted}
    for found, value in zip(given.run().values(), wanted.values(), strict=True):
        value = joined(value).reshape(found.shape)
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("name", STEPS)
def test_steps(tmp_path: Path, name: str) -> None:
    spec, step = name.split("/")
    text = (SPECS / f"{spec}.nn").read_text()
    made = Emitted(text, f"step/{step}", tmp_path, f"{spec}.nn")
    made.start()
    given = Sequences(made, 6, least=1)
    named = next(s for s in made.session.training.steps if s.name == step)
    for _ in range(4):
        batches = made.session.checked(named.entry, given.of_session, made.session.fields)
        results, _ = made.session.once(named.entry, batches)
        wanted = [float(results[result.name][0]) for result in made.entry.results]
        np.testing.assert_allclose(given.step(), wanted, rtol=3e-4, err_msg=name)


def test_float64_is_near_the_reference(tmp_path: Path) -> None:
    made = Emitted(BOTH_WAYS, "forward/f", tmp_path, dtype="float64")
    given = Sequences(made, 7)
    wanted = made.session.run("f", **given.of_session)
    for name, found in given.run().items():
        np.testing.assert_allclose(found, joined(wanted[name]), rtol=1e-11, atol=1e-12)


def test_a_recurrence_reads_as_one(tmp_path: Path) -> None:
    made = emitted("row_digits", "forward/digit", tmp_path)
    assert "for (int row = 0; row < rows_count; row++) {" in made.source
    product = "m->lstm1_product[row * 256 + i]"
    assert product in made.source and "float lstm1_mul[DIGIT_MOST_ROWS * 64];" in made.header
    assert re.search(r"rows_lengths +read +each example: int32_t, its elements", made.header)


def test_faults(tmp_path: Path) -> None:
    made = emitted("tagging", "forward/digit", tmp_path)
    given = Sequences(made, 3)
    columns, lengths = given.given
    (out,) = [array for array in made.entry.arrays if array.role == "output"]
    scores = np.zeros((int(lengths.sum()), *out.type.shape), np.float32)
    call = lambda *own: made.call("run", made.memory, *own)  # noqa: E731
    assert call(columns, lengths, scores, 3) == 0
    assert call(columns, None, scores, 3) == call(None, lengths, scores, 3) == -1
    for wrong in (-1, 65, 2**31 - 1):
        assert call(columns, np.array([2, wrong, 2], np.int32), scores, 3) == -5
    assert call(columns, lengths, scores, 0) == 0 and call(columns, lengths, scores, -1) == -2


def test_places_that_a_model_has(tmp_path: Path) -> None:
    made = Emitted(PLACES, "forward/f", tmp_path)
    assert "#define F_MOST_KS 6" in made.header and "#if F_MOST_KS > 6" in made.header
    given = Sequences(made, 4)
    wanted = joined(made.session.run("f", **given.of_session))
    np.testing.assert_allclose(given.run()["result"], wanted, rtol=1e-6)
    ks, lengths = given.given
    found = np.zeros((int(lengths.sum()), 4), np.float32)
    wrong = ks.copy()
    wrong[-1] = 5
    assert made.call("run", made.memory, wrong, lengths, found, 4) == -3
    command = ["cc", "-fsyntax-only", "-DF_MOST_KS=7", "f.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode and "F_MOST_KS is more than the 6" in done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_everywhere(tmp_path: Path, way: str) -> None:
    made = emitted("row_digits", "forward/digit", tmp_path)
    given = Sequences(made, 4)
    rows, lengths = given.given
    (tmp_path / "rows").write_bytes(rows.tobytes())
    (tmp_path / "lengths").write_bytes(lengths.tobytes())
    wanted = made.session.run("digit", **given.of_session)
    found = run(made, way, PROGRAM.replace("ELEMENTS", str(len(rows))))
    np.testing.assert_allclose(found, wanted.reshape(-1), rtol=1e-5, atol=2e-6)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind is here")
def test_a_step_under_valgrind(tmp_path: Path) -> None:
    made = emitted("row_digits", "step/train", tmp_path)
    given = Sequences(made, 4, least=1)
    for name, values in zip(("rows", "label", "lengths"), given.given, strict=True):
        (tmp_path / name).write_bytes(values.tobytes())
    text = r"""#include "train.h"
static struct train_memory memory;
static struct train_state state;
static float rows[4 * 9 * 28], loss, accuracy;
static int32_t label[4], lengths[4];
int main(void) {
    if (!fill("rows", rows, ELEMENTS * 28 * sizeof *rows)) return 2;
    if (!fill("label", label, sizeof label) || !fill("lengths", lengths, sizeof lengths)) return 3;
    train_start(&state);
    for (int k = 0; k < 2; k++) {
        if (train_step(&memory, &state, rows, label, lengths, &loss, &accuracy, 4) != 0) return 4;
        printf("%.9g\n", (double)loss);
    }
    return 0;
}
"""
    wanted = [made.session.step(**given.of_session)["loss"] for _ in range(2)]
    found = run(made, "valgrind", text.replace("ELEMENTS", str(len(given.inputs["rows"]))))
    np.testing.assert_allclose(found, wanted, rtol=2e-4)
