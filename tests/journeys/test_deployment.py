"""A trained network where it is wanted: a program, ten lines of C, ONNX, plain files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import gradc
from tests.runtime.cli.calling import Caller
from tests.runtime.embed.building import NEEDS_CC

SPEC = """
model net(x : [4]) -> [3] { x |> dense(8) |> tanh |> dense(3) }
data flowers(x : [4], label : class(3)) = iris()
train on flowers { minimize cross_entropy(net(x), label) using adam(lr = 2e-2), epochs 8 }
"""
MAIN = """
#include <stdio.h>
#include "net.h"

int main(void) {
    static float x[2 * 4] = {5.1f, 3.5f, 1.4f, 0.2f, 6.7f, 3.0f, 5.2f, 2.3f}, scores[2 * 3];
    int code = net_run(x, scores, 2);
    if (code != 0) return fprintf(stderr, "%s\\n", net_message(code)), 1;
    for (int k = 0; k < 6; k++) printf("%.9g\\n", scores[k]);
    return 0;
}
"""
NEW = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], np.float32)


@pytest.fixture
def trained(home: Caller) -> Caller:
    """A network of a few seconds, and new flowers as a table without a header."""
    pytest.importorskip("sklearn", reason="the flowers come with scikit-learn")
    (home.folder / "flowers.nn").write_text(SPEC)
    assert home("train", "flowers.nn").code == 0
    np.savetxt(home.folder / "new.csv", NEW, delimiter=",", fmt="%.9g")
    np.save(home.folder / "new.npy", NEW)
    return home


def answers(trained: Caller) -> np.ndarray:
    """What gradc itself says of the new flowers, by the kernels that are built into a library."""
    given = ("net", "x=new.npy", "--weights", "runs/flowers", "--without", "whole-step")
    found = trained("run", "flowers.nn", *given, "--json")
    return np.array(json.loads(found.out)["net"], np.float32)


def called(*words: str, folder: Path) -> str:
    """What a command prints; it has to go well."""
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    ).stdout


@NEEDS_CC
def test_a_program_and_a_library_without_python(trained: Caller) -> None:
    wanted, folder = answers(trained), trained.folder
    made = trained("build", "flowers.nn", "--weights", "runs/flowers", "-o", "built")
    assert made.code == 0 and "built/libnet.a" in made.out, made.err
    said = called("built/net", "new.csv", folder=folder).split()
    np.testing.assert_array_equal([[*map(np.float32, row.split(","))] for row in said], wanted)
    (folder / "main.c").write_text(MAIN)
    called("cc", "main.c", "-Ibuilt", "built/libnet.a", "-lm", "-o", "main", folder=folder)
    found = np.array(called("./main", folder=folder).split(), np.float32).reshape(2, 3)
    np.testing.assert_array_equal(found, wanted)


def test_onnx(trained: Caller) -> None:
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="nothing here runs ONNX files")
    exported = trained("export", "flowers.nn", "--weights", "runs/flowers", "-o", "net.onnx")
    assert exported.code == 0, exported.err
    session = onnxruntime.InferenceSession(trained.folder / "net.onnx")
    np.testing.assert_allclose(session.run(["net"], {"x": NEW})[0], answers(trained), atol=1e-5)
    assert trained("import", "net.onnx", "-o", "back.nn").code == 0
    assert trained("check", "back.nn").code == 0


def test_weights_in_any_other_program(trained: Caller) -> None:
    """The tensors of a run are plain, and those of a file go into a session of Python."""
    assert (
        trained("weights", "convert", "runs/flowers", "net.safetensors", "--only", "net").code == 0
    )
    tensors = load_file(trained.folder / "net.safetensors")
    w1, b1, w2, b2 = (
        tensors[f"net.{name}"] for name in ("dense1.W", "dense1.b", "dense2.W", "dense2.b")
    )
    by_hand = np.tanh(NEW @ w1.T + b1) @ w2.T + b2
    np.testing.assert_allclose(by_hand, answers(trained), rtol=1e-5, atol=1e-5)
    session = gradc.Session(gradc.compile_file(trained.folder / "flowers.nn"), target="reference")
    session.load(trained.folder / "net.safetensors", only="net")
    np.testing.assert_allclose(session.run("net", x=NEW), by_hand, rtol=1e-5, atol=1e-5)


def test_many_files_at_once(trained: Caller) -> None:
    """A table in, a table out."""
    shutil.copy(trained.folder / "new.npy", trained.folder / "x.npy")
    saved = trained("predict", "flowers.nn", "x=new.npy", "--save", "answers.csv")
    assert saved.code == 0, saved.err
    lines = (trained.folder / "answers.csv").read_text().splitlines()
    assert len(lines) == 3 and lines[0].startswith("row,label,label_probability")
