"""What a shell is told when a word of a command is completed: commands, options, choices, files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "from gradc_runtime.cli.main import main; main()"]


def completed(words: str, at: int) -> list[str]:
    """The completions of a word."""
    told = {"COMP_WORDS": words, "COMP_CWORD": str(at), "_GRADC_COMPLETE": "bash_complete"}
    path = os.pathsep.join(p for p in sys.path if p)
    environment = os.environ | told | {"PYTHONPATH": path}
    found = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=True)
    return found.stdout.split()


@pytest.mark.parametrize(
    ("words", "at", "wanted"),
    [
        ("gradc tr", 1, ["plain,train"]),
        ("gradc show a.nn --sta", 3, ["plain,--stage"]),
        ("gradc train specs/mnist_cnn.nn --set lr", 4, ["plain,lr=2e-3"]),
        ("gradc sweep specs/mnist_cnn.nn --set ep", 4, ["plain,epochs=30", "plain,eps=1e-8"]),
        ("gradc train none.nn --set lr", 4, []),
        ("gradc show a.nn --stage n", 4, ["plain,nests"]),
        ("gradc train specs/mn", 2, ["dir,specs/mn", "plain,specs/mnist_cnn.nn"]),
    ],
)
def test_words_are_completed(words: str, at: int, wanted: list[str]) -> None:
    assert completed(words, at) == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_script(shell: str) -> None:
    path = os.pathsep.join(p for p in sys.path if p)
    environment = os.environ | {"_GRADC_COMPLETE": f"{shell}_source", "PYTHONPATH": path}
    found = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=False)
    if shell == "bash" and "bash" in found.stderr.lower() and not found.stdout:
        pytest.skip(f"no bash that can complete is installed: {found.stderr.strip()}")
    assert "_GRADC_COMPLETE" in found.stdout
