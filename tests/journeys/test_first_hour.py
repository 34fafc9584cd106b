"""A fresh clone: what this machine can do, a first network, its answer, a change, a mistake."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest

from tests.runtime.cli.calling import SPECS, Answer, Caller

SPEC = "specs/mnist_cnn.nn"


@pytest.fixture
def clone(home: Caller) -> Caller:
    """The specs as a clone has them."""
    shutil.copytree(SPECS, home.folder / "specs", ignore=shutil.ignore_patterns("*.png", "errors"))
    return home


def done(answer: Answer) -> Answer:
    """An answer of a command that went well."""
    assert answer.code == 0, answer.err
    return answer


def test_from_a_clone_to_an_answer(clone: Caller) -> None:
    assert "python" in done(clone("doctor")).out
    assert "19,722" in done(clone("check", SPEC)).out
    trained = done(clone("train", SPEC, "--epochs", "2"))
    assert "19,722 parameters" in trained.err and "epoch 2/2" in trained.err
    checkpoint = next((clone.folder / "runs/mnist_cnn/checkpoints").glob("*.safetensors"))
    assert checkpoint.stat().st_mode & 0o044 == 0o044, "a colleague can read it"
    (told,) = re.findall(r"^next: (.*)", trained.err, re.MULTILINE)
    commands = [shlex.split(one) for one in told.split(";")]
    assert [words[:2] for words in commands] == [["gradc", "eval"], ["gradc", "predict"]]
    for words in commands:
        assert done(clone(*words[1:])).out.strip()
    assert "mnist_cnn" in done(clone("runs")).out
    again = done(clone("train", SPEC, "--resume"))
    assert "all 2 epochs are done, --epochs N goes on" in again.err


def test_a_change_and_a_mistake(clone: Caller) -> None:
    """Another activation is one word; another size says what it does not fit, and what would."""
    text = (clone.folder / SPEC).read_text()
    mine = clone.folder / "mine.nn"
    mine.write_text(text.replace("relu", "tanh"))
    done(clone("check", "mine.nn"))
    mine.write_text(text.replace("conv(16,", "conv(24,"))
    wrong = clone("check", "mine.nn")
    assert wrong.code == 1 and "error[E0301]" in wrong.err and "mine.nn:5:" in wrong.err
    assert "^" in wrong.err and "write `: [7, 7, 24]`" in wrong.err
    mine.write_text(text.replace("conv(16,", "conv(24,").replace("[7, 7, 16]", "[7, 7, 24]"))
    assert "no errors" in done(clone("check", "mine.nn")).err + clone("check", "mine.nn").out
