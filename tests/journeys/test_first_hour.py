"""A fresh clone: what this machine can do, a first network, its answer, a change, a mistake."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest

import gradc
from tests.runtime.cli.calling import SPECS, Answer, Caller

SPEC = "specs/mnist_cnn.nn"


@pytest.fixture
def clone(home: Caller) -> Caller:
    """The specs as a clone has them."""
    shutil.copytree(SPECS, home.folder / "specs", ignore=shutil.ignore_patterns("*.png", "errors"))
    return home


def narrow(answer: Answer) -> Answer:
    """An answer whose lines fit a terminal of 80 columns, and that went well."""
    assert answer.code == 0, answer.err
    wide = [line for line in (answer.out + answer.err).splitlines() if len(line) > 80]
    assert not wide, "\n".join(wide)
    return answer


def test_from_a_clone_to_an_answer(clone: Caller) -> None:
    assert "python" in narrow(clone("doctor")).out and gradc.__version__
    assert "19,722" in narrow(clone("check", SPEC)).out
    trained = narrow(clone("train", SPEC, "--epochs", "2"))
    assert "19,722 parameters" in trained.err and "epoch 2/2" in trained.err
    checkpoint = next((clone.folder / "runs/mnist_cnn/checkpoints").glob("*.safetensors"))
    assert checkpoint.stat().st_mode & 0o044 == 0o044, "a colleague can read it"
    (told,) = re.findall(r"^next: (.*(?:\n(?!\w+:).+)*)", trained.err, re.MULTILINE)
    commands = [shlex.split(one) for one in " ".join(told.split()).split(";")]
    assert [words[:2] for words in commands] == [["gradc", "eval"], ["gradc", "predict"]]
    for words in commands:
        assert narrow(clone(*words[1:])).out.strip()
    assert "mnist_cnn" in narrow(clone("runs")).out
    again = narrow(clone("train", SPEC, "--resume"))
    assert "finished already" in again.err and "epoch 1/2" not in again.err


def test_a_change_and_a_mistake(clone: Caller) -> None:
    """Another activation is one word; another size says what it does not fit, and what would."""
    text = (clone.folder / SPEC).read_text()
    mine = clone.folder / "mine.nn"
    mine.write_text(text.replace("relu", "tanh"))
    narrow(clone("check", "mine.nn"))
    mine.write_text(text.replace("conv(16,", "conv(24,"))
    wrong = clone("check", "mine.nn")
    assert wrong.code == 1 and "error[E0301]" in wrong.err and "mine.nn:5:" in wrong.err
    assert "^" in wrong.err and "write `: [7, 7, 24]`" in wrong.err
    mine.write_text(text.replace("conv(16,", "conv(24,").replace("[7, 7, 16]", "[7, 7, 24]"))
    assert "no errors" in narrow(clone("check", "mine.nn")).err + clone("check", "mine.nn").out
