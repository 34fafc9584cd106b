"""A spec written in an editor, formatted, completed in a shell, and committed past the hooks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller
from tests.support.lsp_client import LspClient

ROOT = Path(__file__).resolve().parents[2]
HALF = "model net(x : [4]) -> [3] {\n    x |> "
ROUGH = """model net(x : [4]) -> [3] {
    x |> dense(16)|>reluu |> dense(2)
}
data flowers(x : [4], label : class(3)) = iris()
train on flowers { minimize cross_entropy(net(x), label) using adam, epochs 2 }
"""


def environment() -> dict[str, str]:
    """A shell's environment in which `gradc` is this tree's."""
    path = os.pathsep.join(p for p in sys.path if p)
    return os.environ | {"PYTHONPATH": path, "NO_COLOR": "1"}


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment, with a command `gradc` on its path."""
    binary = tmp_path / "bin" / "gradc"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradc_runtime.cli "$@"\n')
    binary.chmod(0o755)
    return environment() | {"PATH": f"{binary.parent}{os.pathsep}{os.environ['PATH']}"}


def test_written_in_an_editor_and_trained(home: Caller) -> None:
    pytest.importorskip("pygls", reason="the extra lsp is not installed: pip install pygls")
    editor = LspClient(home.folder)
    editor.open("flowers.nn", HALF)
    offered = editor.of_text("completion", position={"line": 1, "character": 9})["items"]
    assert {"dense", "relu"} <= {item["label"] for item in offered}
    wrong = editor.change(ROUGH)
    assert {one["code"] for one in wrong} == {"E0201"}
    (fix,) = editor.of_text(
        "codeAction", range=wrong[0]["range"], context={"diagnostics": [wrong[0]]}
    )
    assert fix["title"] == "write relu"
    text = ROUGH.replace("reluu", "relu")
    (shape,) = editor.change(text)
    assert shape["code"] == "E0301" and "dense(3)" in shape["message"]
    text = text.replace("dense(2)", "dense(3)")
    assert editor.change(text) == []
    assert "`[16]`" in editor.at("hover", "dense(16)")["contents"]["value"]
    (edit,) = editor.of_text("formatting", options={"tabSize": 4, "insertSpaces": True})
    assert editor.close() == 0
    (home.folder / "flowers.nn").write_text(text)
    assert home("fmt", "--diff", "flowers.nn").code == 1
    assert home("fmt", "flowers.nn").code == 0
    written = (home.folder / "flowers.nn").read_text()
    assert edit["newText"].strip() in written and "dense(16) |> relu" in written
    assert home("train", "flowers.nn").code == 0


def test_a_commit_is_held_until_it_is_formatted(tmp_path: Path, shell: dict[str, str]) -> None:
    """The entries of `.pre-commit-hooks.yaml`, called with the files of a commit as they are."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    entries = re.findall(r"^  entry: (.+)$", hooks, re.MULTILINE)
    assert entries == ["gradc fmt", "gradc check"]
    folder = tmp_path / "mine"
    folder.mkdir()
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *identity, *words], cwd=folder, env=shell, capture_output=True, text=True
        )

    assert git("init", "-q").returncode == 0
    files = "$(git diff --cached --name-only -- '*.nn')"
    lines = [f"{entry} {files} && git diff --exit-code -- {files}" for entry in entries]
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nset -e\n" + "\n".join(lines) + "\n")
    hook.chmod(0o755)
    spec = folder / "net.nn"
    spec.write_text("model f(x:[3])->[2]{ dense(2)(x) }\n")
    git("add", "net.nn")
    assert git("commit", "-qm", "rough").returncode != 0, "the hook has changed the file"
    assert spec.read_text() == "model f(x : [3]) -> [2] { dense(2)(x) }\n"
    git("add", "net.nn")
    assert git("commit", "-qm", "formatted").returncode == 0
    spec.write_text("model f(x : [3]) -> [2] { dense(4)(x) }\n")
    git("add", "net.nn")
    wrong = git("commit", "-qm", "wrong")
    assert wrong.returncode != 0 and "E0301" in wrong.stderr + wrong.stdout


def test_a_shell_completes(shell: dict[str, str], tmp_path: Path) -> None:
    """The line of the document, in a bash that then asks for completions as a keyboard would."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    (tmp_path / "mine.nn").write_text("model f(x : [3]) -> [3] { x }\n")
    line = re.search(r"`(eval .*bash_source gradc\)\")`", (ROOT / "specs/editors.md").read_text())
    assert line is not None
    script = (
        f'{line[1]}\nask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=();'
        ' _gradc_completion gradc; echo "${COMPREPLY[@]}"; }\n'
        "ask gradc ver\nask gradc show mine.nn --sta\nask gradc show mine.nn --stage joi\n"
    )
    found = subprocess.run(
        [bash, "-c", script], cwd=tmp_path, env=shell, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["verify", "--stage", "joint"], found.stderr
