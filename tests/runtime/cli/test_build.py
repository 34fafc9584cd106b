"""`gradc build`: the files that it makes, and what it refuses."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import gradc
from tests.runtime.cli.calling import SPECS, Caller
from tests.runtime.embed.building import NEEDS_CC

pytestmark = NEEDS_CC


def test_a_trained_model_as_a_program(call: Caller) -> None:
    assert call("train", call.spec).code == 0
    answer = call("build", call.spec, "--weights", "runs/line", "-o", "built")
    assert answer.code == 0 and "built/line.h" in answer.out.split()
    found = subprocess.run(["built/line", "-"], input=b"x\n1\n2\n", capture_output=True, check=True)
    wanted = call("run", call.spec, "--weights", "runs/line", "--input", "x=[1, 2]", "--json").data
    head, *lines = found.stdout.decode().splitlines()
    assert head == "row,y"
    said = [float(line.split(",")[1]) for line in lines]
    assert said == pytest.approx(wanted["line"], rel=1e-6)


def test_what_is_refused(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no model is called lime" in call("build", call.spec, "lime", "-o", "built").err
    monkeypatch.setenv("CC", "no-such-compiler")
    answer = call("build", call.spec, "-o", "built")
    assert answer.code == 2 and "no C compiler" in answer.err
    assert call("build", call.spec).code == 2


def test_a_numba_module(call: Caller) -> None:
    made = ["-o", "source", "--emit", "numba"]
    answer = call("build", call.spec, *made)
    assert answer.out.split() == ["source/line.py"]
    text = (call.folder / "source/line.py").read_text()
    assert "\npredict = line\n" in text and "\ndef step(" in text
    assert call("build", call.spec, *made, "--what", "run").code == 0
    assert "def step(" not in (call.folder / "source/line.py").read_text()
    assert call("build", call.spec, *made, "--what", "step").code == 0
    assert "predict = " not in (call.folder / "source/line.py").read_text()
    assert "no model is called lime" in call("build", call.spec, "lime", *made).err


def test_source(call: Caller) -> None:
    answer = call("build", call.spec, "-o", "source", "--emit", "c")
    assert answer.out.split() == ["source/line.c", "source/line.h"]
    answer = call("build", call.spec, "-o", "source", "--emit", "c", "--what", "step")
    assert answer.out.split() == ["source/train.c", "source/train.h"]
    (call.folder / "main.c").write_text(MAIN)
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Isource"]
    files = ["main.c", "source/line.c", "source/train.c"]
    subprocess.run(["cc", *flags, *files, "-lm", "-o", "main"], check=True)
    found = subprocess.run(["./main"], capture_output=True, check=True).stdout.split()
    assert [float(word) for word in found] == pytest.approx([6.0, 4.0])


MAIN = """
#include <stdio.h>
#include "line.h"
#include "train.h"

static struct line_memory memory;
static struct train_memory training;
static struct train_state state;

int main(void) {
    const float x[1] = {3}, y[1] = {4};
    float found[1], loss[1], report[1];
    if (line_run(&memory, x, found, 1) != 0) return 1;
    train_start(&state);
    if (train_step(&training, &state, x, y, loss, report, 1) != 0) return 1;
    printf("%g %g\\n", found[0], loss[0]);
    return 0;
}
"""


def test_an_order_has_source(call: Caller) -> None:
    (call.folder / "s.nn").write_text("model f(x : [4]) -> [4] { sort(x) }")
    answer = call("build", "s.nn", "-o", "source", "--emit", "c")
    assert answer.code == 0 and answer.out.split() == ["source/f.c", "source/f.h"]


def test_a_step(call: Caller) -> None:
    answer = call("build", call.spec, "-o", "built", "--what", "step")
    assert answer.out.split() == [f"built/{name}" for name in
                                  ("train.h", "libtrain.so", "libtrain.a", "train.pc",
                                   "trainConfig.cmake")]  # fmt: skip
    assert "#define TRAIN_BATCH 4" in (call.folder / "built" / "train.h").read_text()
    assert "no step is called tame" in call("build", call.spec, "tame", "-o", "b", "--what",
                                            "step").err  # fmt: skip


def test_classes_have_their_names(call: Caller) -> None:
    answer = call("build", SPECS / "characters.nn", "next", "-o", "built")
    assert answer.code == 0, answer.err
    (call.folder / "xs").write_text("1 2 3")
    found = subprocess.run(["built/next", "xs", "--classes"], capture_output=True, check=True)
    scores = call("run", SPECS / "characters.nn", "next", "--input", "xs=[1, 2, 3]", "--json").data
    alphabet = gradc.Session(gradc.compile_file(SPECS / "characters.nn")).dataset().alphabet
    assert alphabet is not None
    best = np.array(scores["next"]).reshape(-1, len(alphabet.symbols)).argmax(1)
    assert found.stdout.decode() == "".join(f"{alphabet.symbols[k]}\n" for k in best)
