"""Screens of 120, 80 and 60 columns: no line is wider, and no number is cut in two.

What is printed to be read by other programs (a spec, kernels, JSON) keeps its lines.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest

from gradc_runtime.cli.run_command import run
from tests.runtime.cli.calling import SPECS, Caller

WIDTHS = (120, 80, 60)
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,.]*(?:e[-+]?\d+)?%?(?![\w.])")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
AT = ("--at", "sqft=2500", "paid=360000")
WRONG = """model digits_of_a_long_name(image : [28, 28, 1]) -> [10] {
    image |> conv(8, 5x5, stride = 2) |> relu |> conv(16, 3x3, stride = 2) |> relu : [7, 7, 24]
}
"""
COMMANDS = {
    "check": ("check", "mnist_cnn.nn"),
    "check wrong": ("check", "wrong.nn"),
    "eval": ("eval", "circle.nn", "--weights", "runs/a"),
    "predict": ("predict", "circle.nn", "p=0.3,0.4", "--weights", "runs/a"),
    "runs": ("runs",),
    "compare": ("compare", "a", "b"),
    "explain": ("explain", "house.nn", *AT),
    "explain circle": ("explain", "circle.nn", "--at", "p=0.3,0.4", "label=1"),
    "explain code": ("explain", "E0301"),
    "explain name": ("explain", "softmax"),
    "explain optimisations": ("explain", "optimisations"),
    "derive": ("derive", "house.nn", *AT),
    "derive network": ("derive", "mnist_cnn.nn"),
    "why": ("why", "circle.nn", "--who-reads", "c3"),
    "why path": ("why", "mnist_cnn.nn", "--path", "loss", "digit.conv1.W"),
    "kinks": ("kinks", "mnist_cnn.nn"),
    "cost": ("cost", "mnist_cnn.nn"),
    "passes": ("passes", "house.nn"),
    "weights": ("weights", "list", "runs/a"),
    "weights diff": ("weights", "diff", "runs/a", "runs/b"),
    "explain function": ("explain", "where"),
    "why made": ("why", "house.nn", "--made", "d_theta1", *AT),
    "cost modes": ("cost", "mnist_cnn.nn", "--modes"),
    "passes check": ("passes", "house.nn", "--check"),
    "diff": ("diff", "house.nn", "circle.nn"),
    "exercise": ("exercise",),
    "fmt": ("fmt", "--diff", "house.nn"),
    "explore": ("explore", "house.nn", *AT),
    "run": ("run", "circle.nn", "inside", "--input", "p=0.3,0.4", "--weights", "runs/a"),
    "cache": ("cache",),
    "doctor": ("doctor",),
}
MEASURED = {  # whose numbers differ from call to call
    "train": ("train", "circle.nn", "--epochs", "2", "--name", "c"),
    "verify": ("verify", "circle.nn"),
    "profile": ("profile", "circle.nn"),
    "watch": ("train", "circle.nn", "--epochs", "1", "--name", "d", "--watch", "kinks"),
    "bench": ("bench", "circle.nn", "--batch", "8"),
    "sweep": ("sweep", "circle.nn", "--set", "lr=0.1,0.03", "--epochs", "1", "--jobs", "1"),
}


@pytest.fixture
def screen(call: Caller, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """Specs, two runs, and a mistake."""
    for name in ("circle.nn", "house.nn", "houses.csv", "mnist_cnn.nn"):
        shutil.copy(SPECS / name, call.folder)
    (call.folder / "wrong.nn").write_text(WRONG)
    for name, rate in (("a", "0.02"), ("b", "0.1")):
        given = ("--epochs", "2", "--name", name, "--set", f"lr={rate}")
        assert call("train", "circle.nn", *given, "--target", "reference").code == 0
    return call


class Screen(io.StringIO):
    """A terminal, as far as a program asks."""

    def isatty(self) -> bool:
        return True


def shown(
    screen: Caller, width: int, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> str:
    """All that a command leaves on a terminal of so many columns."""
    printed = Screen()
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        patch.setattr(sys, "stdout", printed)
        patch.setattr(sys, "stderr", printed)
        code = run(command)
    assert code in (0, 1), printed.getvalue()
    return CONTROL.sub("", printed.getvalue()).replace("\r", "\n")


def numbers(text: str) -> set[str]:
    """The numbers of a text."""
    return {number.rstrip(",.") for number in NUMBER.findall(text)}


def too_wide(text: str, width: int) -> list[str]:
    """The lines that a screen would break."""
    return [line for line in text.splitlines() if len(line) > width]


@pytest.fixture
def no_kernels() -> Iterator[str]:
    """A cache to which no other test adds, whose path is short enough for a line."""
    with TemporaryDirectory() as folder:
        yield folder


def test_every_command_fits_every_screen(
    screen: Caller, monkeypatch: pytest.MonkeyPatch, no_kernels: str
) -> None:
    """And what stands on a narrow one stands on a wide one too."""
    faults, shared = {}, os.environ.get("GRADC_CACHE", "")
    for name, command in COMMANDS.items():
        counts = name in ("cache", "doctor")  # of kernels, to which other tests add
        monkeypatch.setenv("GRADC_CACHE", no_kernels if counts else shared)
        whole = numbers(shown(screen, 240, command, monkeypatch))
        for width in WIDTHS:
            text = shown(screen, width, command, monkeypatch)
            cut = numbers(text) - whole
            if (wide := too_wide(text, width)) or cut:
                faults[f"{name} at {width}"] = [*wide[:3], *cut]
    assert not faults


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured_fits_a_narrow_screen(
    name: str, screen: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(screen, 60, MEASURED[name], monkeypatch)
    assert not too_wide(text, 60)
