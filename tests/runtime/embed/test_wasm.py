"""A model as WebAssembly: in node what `Session.run` gives, and in a browser a page to draw in."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.cli.run_command import run
from gradc_runtime.session.session import Session
from tests.runtime.embed.browser import NEEDS_CHROMIUM, browser
from tests.runtime.embed.building import SPECS, digits

NEEDS_CLANG = pytest.mark.skipif(
    shutil.which("clang") is None or shutil.which("wasm-ld") is None,
    reason="no clang with wasm-ld is here (apt-get install clang lld)",
)
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="no node is here")
CALL = """
import { readFileSync } from "node:fs";
import { load, MODEL } from "./NAME.mjs";
const model = await load(), given = JSON.parse(readFileSync(0));
const answers = given.map(([inputs, count]) => {
    try {
        const found = model.run(inputs, count ?? undefined);
        return found.length === undefined
            ? Object.fromEntries(Object.entries(found).map(([k, v]) => [k, Array.from(v, Number)]))
            : Array.from(found, Number);
    } catch (fault) { return String(fault); }
});
process.stdout.write(JSON.stringify(answers));
"""
EVERY = """
model f(x : [5], k : class(3)) -> (real : [5], likeliest : class(5)) {
    t = (k |> embedding(3, 5)) + exp(x) + log(1 + x^2) + tanh(x) * sin(x) - cos(x) + gelu(x)
    u = t + sqrt(abs(x)) + floor(x) + sigmoid(x) + abs(x)^1.7 + expm1(x) + log1p(abs(x)) + erf(x)
    v = u + x // 0.3 - x % -0.7 + bfloat16(x) - tfloat32(x) + sort(x)
    (v, argmax(v))
}
"""
SEVEN = [(-60, -100), (60, -100), (20, -20), (-10, 40), (-30, 110)]
ZERO = [(int(70 * math.cos(t * 0.314)), int(105 * math.sin(t * 0.314))) for t in range(21)]


def wasm(spec: Path, folder: Path, *words: str) -> list[str]:
    """Build with the command; the names of what it writes."""
    assert run(["build", str(spec), *words, "-o", str(folder), "--emit", "wasm"]) == 0
    return sorted(path.name for path in folder.iterdir())


def in_node(folder: Path, name: str, *given: tuple[dict[str, Any], int | None]) -> list[Any]:
    """What a model answers to each of some calls."""
    (folder / "call.mjs").write_text(CALL.replace("NAME", name))
    command = ["node", str(folder / "call.mjs")]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, Path]:
    """`digit`, trained for a while, and the folder where it is built."""
    session = gradc.Session(gradc.compile_file(SPECS / "mnist_cnn.nn"), threads=1, seed=0)
    session.train(epochs=6)
    folder = tmp_path_factory.mktemp("wasm")
    session.save(folder / "weights.safetensors")
    wasm(SPECS / "mnist_cnn.nn", folder, "--weights", str(folder / "weights.safetensors"))
    return session, folder


@NEEDS_CLANG
@NEEDS_NODE
def test_all_digits_in_node(trained: tuple[Session, Path]) -> None:
    session, folder = trained
    images = digits(session)
    wanted = session.run("digit", image=images)
    plain = [float(x) for x in images.reshape(-1)]
    (found,) = in_node(folder, "digit", ({"image": plain}, None))
    np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, rtol=1e-5, atol=1e-5)


@NEEDS_CLANG
@NEEDS_NODE
def test_what_does_not_fit_is_told(trained: tuple[Session, Path]) -> None:
    _, folder = trained
    image = [0.5] * 784
    calls = [{"image": image[:-1]}, {"images": image}, {}, {"image": []}]
    short, unknown, missing, none = in_node(folder, "digit", *((one, None) for one in calls))
    assert short == "Error: image has 783 numbers, and an example has 784"
    assert unknown == "Error: digit has no input images; it reads image"
    assert missing == "Error: digit needs image" and none == []
    (two,) = in_node(folder, "digit", ({"image": image}, 2))
    assert two == "Error: image has 1 examples, and there should be 2"


@NEEDS_CLANG
@NEEDS_NODE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_function_and_whole_numbers(tmp_path: Path, dtype: str) -> None:
    (tmp_path / "f.nn").write_text(EVERY)
    files = wasm(tmp_path / "f.nn", tmp_path / "made", "--dtype", dtype)
    assert files == ["f.mjs", "f.wasm"]  # it reads no image, so there is no page
    session = gradc.Session(gradc.compile_file(tmp_path / "f.nn"), dtype=dtype, threads=1, seed=0)
    x = np.random.default_rng(0).normal(0, 2, (40, 5)).astype(dtype)
    x[0] = [0, 1e-8, -1e-8, 7, -7]
    k = np.arange(40) % 3
    wanted = session.run("f", x=x, k=k)
    given = {"x": [float(value) for value in x.reshape(-1)], "k": [int(one) for one in k]}
    labels = [3], [1.5], [2**32 + 1], ["1"], [None]
    found, wrong, *no_labels = in_node(
        tmp_path / "made", "f", (given, None), *(({**given, "k": k * 40}, None) for k in labels)
    )
    assert isinstance(found, dict), found
    bound = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(np.reshape(found["real"], (40, 5)), wanted["real"], bound, bound)
    assert found["likeliest"] == wanted["likeliest"].tolist()
    assert wrong == "Error: f: a whole number is not one of its classes"
    assert no_labels[0] == "Error: k has 1.5, which is no whole number of its kind"
    assert no_labels[2:] == [f"Error: k has {one}, which is no number" for one in (1, "null")]
    kind = "no whole number of its kind" if dtype == "float32" else "not one of its classes"
    assert isinstance(no_labels[1], str) and kind in no_labels[1]  # it would be read as 1


TWO_TIMES = """
model f(xs : seq [3], ks : seq class(4), lengths : [2], fixed : seq(2) [2]) -> (
    each : seq [3], all : [3], order : [5]
) {
    each = xs |> scan(elman(3))
    late = time_sum(ks |> embedding(4, 3))
    (each, time_mean(each) + late + sum(lengths), sort(concat(lengths, last(fixed), [sum(late)])))
}
"""


@NEEDS_CLANG
@NEEDS_NODE
def test_sequences(tmp_path: Path) -> None:
    (tmp_path / "f.nn").write_text(TWO_TIMES)
    assert wasm(tmp_path / "f.nn", tmp_path / "made") == ["f.mjs", "f.wasm"]
    session = gradc.Session(gradc.compile_file(tmp_path / "f.nn"), threads=1, seed=0)
    draws = np.random.default_rng(0)
    counts = {"xs": [3, 0, 64, 1], "ks": [1, 5, 2, 0]}
    real = {"lengths": draws.normal(size=(4, 2)), "fixed": draws.normal(size=(4, 2, 2))}
    xs = [draws.normal(size=(k, 3)) for k in counts["xs"]]
    ks = [draws.integers(0, 4, k) for k in counts["ks"]]
    wanted = session.run("f", xs=xs, ks=ks, **real)
    given = {name: [float(x) for x in np.ravel(a)] for name, a in real.items()}
    given |= {"xs": [float(x) for x in np.concatenate(xs).ravel()]}
    given |= {"ks": [int(k) for k in np.concatenate(ks)]}
    given |= {f"{name}_lengths": own for name, own in counts.items()}
    (found,) = in_node(tmp_path / "made", "f", (given, None))
    assert isinstance(found, dict), found
    for name, values in {**wanted, "each": np.concatenate(wanted["each"])}.items():
        np.testing.assert_allclose(np.reshape(found[name], values.shape), values, 1e-5, 1e-5)


@NEEDS_CLANG
@NEEDS_NODE
def test_lengths_that_do_not_fit_are_told(tmp_path: Path) -> None:
    wasm(SPECS / "row_digits.nn", tmp_path)
    rows = [0.25] * (28 * 3)
    wrong = [
        {"rows": rows, "rows_lengths": [1, 1]}, {"rows": rows, "rows_lengths": [4, -1]},
        {"rows": rows, "rows_lengths": [1.5, 1.5]}, {"rows": rows[1:]}, {"rows_lengths": [3]},
        {"rows": [0.0] * (28 * 65)}, {"rows": rows, "lengths": [3]},
    ]  # fmt: skip
    alone, told, *faults = in_node(
        tmp_path, "digit", ({"rows": rows}, None), ({"rows": rows, "rows_lengths": [3]}, None),
        *((one, None) for one in wrong),
    )  # fmt: skip
    assert len(alone) == 10 and alone == told
    whole = "Error: rows_lengths are whole numbers from 0 on"
    assert faults == [
        "Error: rows has 3 elements, and rows_lengths are 2 together", whole, whole,
        "Error: rows has 83 numbers, and an element has 28", "Error: digit needs rows",
        "Error: digit: a sequence is longer than there is room for, or its length is below 0",
        "Error: digit has no input lengths; it reads rows, rows_lengths",
    ]  # fmt: skip


@NEEDS_CLANG
@NEEDS_CHROMIUM
def test_a_page_reads_what_is_drawn(trained: tuple[Session, Path]) -> None:
    with browser() as page:
        page.open(trained[1] / "digit.html")
        for digit, stroke in {"7": SEVEN, "0": ZERO}.items():
            page.click("#clear")
            assert page.text("#best") == ""
            page.draw("#drawing", stroke)
            assert page.text("#best") == digit
        page.click("#clear")
        assert page.text("#best") == "" and "%" not in page.text("#scores")


def test_what_cannot_be_built_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["build", str(SPECS / "mnist_cnn.nn"), "-o", str(tmp_path), "--emit", "wasm"]
    assert run([*asked, "--what", "step"]) == 2
    assert "--emit wasm is for models" in capsys.readouterr().err
    monkeypatch.setenv("PATH", os.devnull)
    assert run(asked) == 2
    assert "apt-get install clang lld" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
