"""Completion in the shells themselves: words are typed, the tabulator pressed, the line read."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

LINES = [
    # typed               completed
    ("gradc tr", "gradc train "),
    ("gradc show sp", "gradc show specs/"),
    ("gradc train specs/deep", "gradc train specs/deep_net.nn "),
    ("gradc train specs/deep_net.nn --patie", "gradc train specs/deep_net.nn --patience "),
    ("gradc train specs/deep_net.nn --set hid", "gradc train specs/deep_net.nn --set hidden=12 "),
    (
        "gradc train specs/deep_net.nn --set lr=1 hid",
        "gradc train specs/deep_net.nn --set lr=1 hidden=12 ",
    ),
    (
        "gradc train specs/deep_net.nn --set lr=1 batch=2 wid",
        "gradc train specs/deep_net.nn --set lr=1 batch=2 width=8 ",
    ),
    (
        "gradc sweep specs/deep_net.nn --set lr=1,2 hid",
        "gradc sweep specs/deep_net.nn --set lr=1,2 hidden=12 ",
    ),
    ("gradc train --set lr=1 specs/deep", "gradc train --set lr=1 specs/deep_net.nn "),
    (
        "gradc train specs/deep_net.nn --set lr=1 --patie",
        "gradc train specs/deep_net.nn --set lr=1 --patience ",
    ),
    ("gradc train specs/deep_net.nn --target nu", "gradc train specs/deep_net.nn --target numba "),
    ("gradc compare older", "gradc compare older_run "),
]
SPEC = (
    "let hidden = 12\nlet width = 8\nmodel f(x : [4]) -> [3] { x |> dense(hidden) |> dense(3) }\n"
)
SOURCE = 'eval "$(_GRADC_COMPLETE={shell}_source gradc)"\n'
ZSH = f"""PROMPT=
autoload -Uz compinit && compinit -u -D
{SOURCE.format(shell="zsh")}
told() {{ print -r -- "$BUFFER" > line.new; mv line.new line; exit }}
zle -N told; bindkey '^X' told
begun() {{ : > ready }}
zle -N zle-line-init begun
"""
BASH = f"""PS1=
{SOURCE.format(shell="bash")}
told() {{ printf '%s\\n' "$READLINE_LINE" > line.new; mv line.new line; exit; }}
bind -x '"\\C-x": told'
bind 'set bell-style none'
PROMPT_COMMAND=': > ready'
"""
LIMIT = 120  # seconds that a busy machine may take
FOUND = "import sys; from gradc_runtime.cli.main import main; sys.argv[0] = 'gradc'; main()"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec, a run, and the command."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "specs").mkdir()
    (folder / "specs" / "deep_net.nn").write_text(SPEC)
    (folder / "runs" / "older_run").mkdir(parents=True)
    (folder / "runs" / "older_run" / "settings.json").write_text("{}")
    (folder / "bin").mkdir()
    command = folder / "bin" / "gradc"
    path = os.pathsep.join(p for p in sys.path if p)
    command.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} -c "{FOUND}" "$@"\n')
    command.chmod(0o755)
    return folder


def environment(place: Path) -> dict[str, str]:
    """That of a shell in this folder."""
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    told = {"PATH": path, "HOME": str(place), "ZDOTDIR": str(place), "TERM": "dumb"}
    return {**os.environ, **told, "XDG_CONFIG_HOME": str(place), "XDG_DATA_HOME": str(place)}


def typed(place: Path, command: list[str], line: str) -> str:
    """What a shell on a terminal has in its line after the tabulator."""
    for name in ("line", "ready"):
        (place / name).unlink(missing_ok=True)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=place, env=environment(place),
        start_new_session=True,
    ) as shell:  # fmt: skip
        os.close(theirs)
        try:
            wait(ours, (place / "ready").exists)
            os.write(ours, f"{line}\t\x18".encode())
            wait(ours, (place / "line").exists)
        finally:
            shell.kill()
            os.close(ours)
    return (place / "line").read_text().rstrip("\n")


def wait(terminal: int, over: Callable[[], bool]) -> None:
    """Read what is shown until something is true."""
    end, shown = time.monotonic() + LIMIT, b""
    while not over():
        assert time.monotonic() < end, shown.decode("utf-8", "replace")[-2000:]
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the shell has ended
                time.sleep(0.1)


def require(shell: str) -> str:
    """The shell's place; skips where it is not installed."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"no {shell} is here (apt-get install {shell})")
    return found


@pytest.mark.parametrize(("line", "completed"), LINES)
def test_zsh_completes(place: Path, line: str, completed: str) -> None:
    (place / ".zshrc").write_text(ZSH)
    assert typed(place, [require("zsh"), "-i", "-d"], line) == completed


@pytest.mark.parametrize(("line", "completed"), LINES)
def test_bash_completes(place: Path, line: str, completed: str) -> None:
    (place / "rc").write_text(BASH)
    command = [require("bash"), "--rcfile", str(place / "rc"), "-i"]
    assert typed(place, command, line) == completed


@pytest.mark.parametrize(("line", "completed"), LINES)
def test_fish_completes(place: Path, line: str, completed: str) -> None:
    """It tells what it would complete, without a terminal."""
    script = f"_GRADC_COMPLETE=fish_source gradc | source; complete -C '{line}'"
    found = subprocess.run(
        [require("fish"), "--no-config", "-c", script], cwd=place, env=environment(place),
        capture_output=True, text=True, check=True, timeout=LIMIT,
    )  # fmt: skip
    words = [word.partition("\t")[0] for word in found.stdout.splitlines()]
    assert words == [completed.split()[-1]], found.stderr
