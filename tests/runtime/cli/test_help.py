"""Help is light and complete; slips get a suggestion and exit code 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gradc_runtime.cli.run_command import COMMANDS
from tests.runtime.cli.calling import Caller

ROOT = Path(__file__).parents[3]
HEAVY = ("numba", "numpy", "networkx", "lark", "rich", "llvmlite", "sklearn", "safetensors")


def test_help_imports_nothing_heavy() -> None:
    script = f"""
import sys, gradc
from gradc_runtime.cli.run_command import COMMANDS, run
for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
    assert run(arguments) == 0
loaded = {{name.partition(".")[0] for name in sys.modules}}
print("HEAVY", sorted(loaded & set({HEAVY!r})))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples(call: Caller, name: str) -> None:
    answer = call(name, "--help")
    assert answer.code == 0 and answer.err == ""
    assert f"Usage: gradc {name}" in answer.out
    assert f"Examples:\n  gradc {name}" in answer.out


def test_the_table_is_what_each_command_says_of_itself(call: Caller) -> None:
    out = call("--help").words
    for name, sentence in COMMANDS.items():
        assert f"{name} {sentence}" in out


def test_without_arguments_there_is_help(call: Caller) -> None:
    answer = call()
    assert answer.code == 2 and answer.err.startswith("Usage: gradc")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trian"], "no command is called trian; did you mean train?"),
        (["xyzzy"], "no command is called xyzzy; there are check, train, "),
        (["train", "line.nn", "--epohcs", "3"], "no option --epohcs; did you mean --epochs?"),
        (
            ["train", "line.nn", "--learning-rate", "1"],
            "no option --learning-rate; write --set lr=",
        ),
        (["train", "line.nn", "--gpu"], "there is no option --gpu; write --target cuda"),
        (["fmt", "line.nn", "--gpu"], "there is no option --gpu\n"),
        (["train", "line.nn", "--bogus"], "there is no option --bogus\n"),
        (["train", "line.nn", "--lr", "abc"], "no option --lr; a setting is given as --set lr="),
        (["train", "line.nn", "--beta1=0.5"], "a setting is given as --set beta1="),
        (["show", "line.nn", "--lr"], "there is no option --lr\n"),
        (["train", "line.nn", "--set", "nope=3"], "nothing here is called nope"),
        (["check", "lien.nn"], "there is no file lien.nn; did you mean line.nn?"),
        (["check", "line"], "there is no file line; did you mean line.nn?"),
        (["check", "."], ". is a folder; did you mean line.nn?"),
        (["check"], "missing argument 'SPEC...'"),
        (["train"], "name a spec: gradc train SPEC"),
        (["train", "line.nn", "--batch", "0"], "0 is not in the range x>=1"),
        (["train", "line.nn", "--set", "lr"], "lr is not of the form name=value"),
        (["train", "line.nn", "--set", "lr=fast"], "lr needs a finite number, not fast\n"),
        (["train", "line.nn", "--set", "lr=1e-2,1e-3"], "1e-3; gradc sweep tries several\n"),
        (["train", "line.nn", "--set", "seed=-1"], "seed must be a whole number"),
        (["train", "line.nn", "--without", "fusoin"], "no optimisation is called fusoin; did"),
        (["train", "--resume", "nowhere"], "nowhere is not the folder of a run"),
        (["eval", "line.nn", "--weights", "none"], "there is no checkpoint none"),
        (["run", "line.nn", "lien", "x=1"], "no model is called lien; did you mean line?"),
        (["run", "line.nn"], "x : scalar must be given, as in x=0.5"),
        (["run", "line.nn", "z=1"], "no input is called z; there are x"),
        (["run", "line.nn", "x=one"], "x: one is neither numbers"),
        (["run", "line.nn", "x=none.npy"], "x: there is no file none.npy"),
        (["show", "line.nn", "--entry", "stp"], "no entry is called stp; did you mean step/train?"),
        (["explain", "E9999"], "there is no code, operator or definition E9999"),
        (["explain", "lien.nn"], "there is no file lien.nn; did you mean line.nn?"),
        (["explain", "line.nn", "--model", "lien", "x=1"], "no model is called lien"),
        (["explain", "line.nn", "--step", "tarin", "x=1"], "did you mean train?"),
        (["explain", "line.nn", "--at", "x=1"], "y : scalar must be given, as in x=0.5 y=0.5"),
        (["explain", "line.nn", "--at", "x=[1,2]", "y=[1,2]"], "explain shows one example"),
    ],
)
def test_slips_get_one_line(call: Caller, arguments: list[str], expected: str) -> None:
    answer = call(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert expected in answer.err
    assert answer.err.startswith("gradc: ")
