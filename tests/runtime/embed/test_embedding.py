"""The examples of `specs/embedding.md`, compiled and run with what this machine has."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.embed.building import NEEDS_CC, SPECS, Built

pytestmark = NEEDS_CC
PAGE = (SPECS / "embedding.md").read_text()
FILES = {"c": "main.c", "cpp": "main.cpp", "rust": "main.rs", "py": "main.py"}


def example(language: str) -> tuple[str, list[str]]:
    """An example of the page, and the command below it that compiles it."""
    found = re.search(rf"^```{language}\n(.*?)^```\n(?:\n    ([^\n]*)\n)?", PAGE, re.M | re.S)
    assert found, f"the page has an example in {language}"
    return found[1], shlex.split(found[2] or "")


@pytest.mark.parametrize("language", FILES)
def test_examples(digit: Built, tmp_path: Path, language: str) -> None:
    text, command = example(language)
    if command and shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} is here")
    (tmp_path / FILES[language]).write_text(text)
    (tmp_path / "built").symlink_to(digit.folder)
    if command:
        strict = [] if language == "rust" else ["-Wall", "-Wextra", "-Werror", "-pedantic"]
        subprocess.run([*command, *strict], cwd=tmp_path, check=True, capture_output=True)
    call = ["./main"] if command else [sys.executable, "main.py"]
    done = subprocess.run(call, cwd=tmp_path, check=True, capture_output=True, text=True)
    wanted = digit.session.run("digit", image=np.zeros((1, 28, 28, 1), np.float32))[0]
    np.testing.assert_allclose([float(line) for line in done.stdout.split()], wanted, rtol=1e-4)


def test_pkg_config(digit: Built, tmp_path: Path) -> None:
    if shutil.which("pkg-config") is None:
        pytest.skip("no pkg-config is here")
    asked = ["pkg-config", "--cflags", "--libs", str(digit.folder / "digit.pc")]
    flags = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    assert f"-I{digit.folder}" in flags and "-ldigit" in flags


def test_cmake(digit: Built, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("no cmake is here")
    (tmp_path / "main.c").write_text(example("c")[0])
    lines = ["cmake_minimum_required(VERSION 3.10)", "project(main C)",
             f'find_package(digit CONFIG REQUIRED PATHS "{digit.folder}")']  # fmt: skip
    for name, target in (("one", "digit::digit"), ("two", "digit::static")):
        lines += [f"add_executable({name} main.c)", f"target_link_libraries({name} {target})"]
    (tmp_path / "CMakeLists.txt").write_text("\n".join(lines))
    for command in (["cmake", "-S", ".", "-B", "b"], ["cmake", "--build", "b"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = {subprocess.run([f"b/{name}"], cwd=tmp_path, capture_output=True, check=True).stdout
             for name in ("one", "two")}  # fmt: skip
    assert len(found) == 1 and len(found.pop().split()) == 10
