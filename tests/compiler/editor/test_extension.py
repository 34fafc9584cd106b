"""The extension for VS Code is packaged by vsce, with a client that loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "editors" / "vscode"
STUB = """
// VS Code as the client meets it when it is loaded: nothing is opened, a client is only made.
const Module = require("module"), load = Module._load;
const anything = new Proxy(function () {}, {
  get: (_, name) =>
    name === Symbol.toPrimitive ? () => "1.99.0" : name === "version" ? "1.99.0" : anything,
  apply: () => anything, construct: () => ({}),
});
Module._load = (name, ...rest) => (name === "vscode" ? anything : load(name, ...rest));
const extension = require("./extension.js");
console.log(Object.keys(extension).sort().join(" "));
console.log(typeof require("vscode-languageclient/node").LanguageClient);
"""


def called(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of node in a folder."""
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the two commands of the README make, in a copy of the folder."""
    if shutil.which("npx") is None:
        pytest.skip("npm is not installed, which brings vsce")
    folder = tmp_path_factory.mktemp("extension") / "vscode"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules", "*.vsix"))
    done = called(folder, "npm", "install", "--no-audit", "--no-fund")
    if done.returncode:
        pytest.skip(f"npm cannot install vsce: {done.stderr.strip()[-200:]}")
    made = called(folder, "npx", "vsce", "package", "--allow-missing-repository")
    assert made.returncode == 0, made.stdout + made.stderr
    (found,) = folder.glob("*.vsix")
    return found


@pytest.mark.wide
def test_the_package_has_all_that_the_extension_needs(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = {name.removeprefix("extension/") for name in archive.namelist()}
        about = json.loads(archive.read("extension/package.json"))
    (grammar,) = about["contributes"]["grammars"]
    (language,) = about["contributes"]["languages"]
    wanted = {about["main"], grammar["path"], language["configuration"]}
    assert {path.removeprefix("./") for path in wanted} <= names
    assert any(name.startswith("node_modules/vscode-languageclient/") for name in names)
    assert not any("vsce" in name or "textmate" in name for name in names)


@pytest.mark.wide
def test_the_client_loads_with_what_is_in_the_package(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "extension" / "load.js").write_text(STUB)
    found = called(tmp_path / "extension", "node", "load.js")
    assert found.stdout.split("\n")[:2] == ["activate deactivate", "function"], found.stderr


def test_the_command_that_it_starts_is_there() -> None:
    about = json.loads((FOLDER / "package.json").read_text())
    setting = about["contributes"]["configuration"]["properties"]["gradc.command"]
    command, *rest = setting["default"]
    assert command == "gradc"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    words = [sys.executable, "-m", "gradc_runtime.cli", *rest, "--help"]
    subprocess.run(words, env=environment, check=True, capture_output=True)
