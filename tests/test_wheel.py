"""The wheel: made from a copy of the tree, whole, and at work in a place without the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TREE = ("compiler", "runtime", "gradc.py", "setup.py", "pyproject.toml", "README.md", "LICENSE")
WHOLE = """
import gradc, gradc_compiler, sys
from gradc.sklearn import Classifier
assert gradc.__file__.startswith(sys.argv[1]) and gradc_compiler.__file__.startswith(sys.argv[1])
program = gradc.compile_source("model f(x : [3]) -> [2] { x |> dense(2) |> softmax }")
session = gradc.Session(program, seed=0)
print(gradc.__version__, session.run("f", x=[[1.0, 2.0, 3.0]]).sum())
"""
TYPED = """
import gradc
from gradc.sklearn import Classifier

history = gradc.Session(gradc.compile_file("a.nn")).train(quiet=True)
reveal_type(history)
reveal_type(Classifier().fit)
gradc.Session("not a program")
"""


def require_setuptools() -> None:
    """Skips where setuptools is older than what `[build-system]` requires, or missing."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (required,) = about["build-system"]["requires"]
    least = int(required.removeprefix("setuptools>="))
    try:
        found = version("setuptools")
    except PackageNotFoundError:
        found = "0"
    if int(found.partition(".")[0]) < least:
        pytest.skip(f"the wheel is built by setuptools: pip install '{required}'")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as `pip wheel` makes it, without asking an index."""
    require_setuptools()
    folder = tmp_path_factory.mktemp("tree")
    for name in TREE:
        ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        place = folder / name
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place, ignore=ignored)
        else:
            shutil.copy(ROOT / name, place)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('out'))"
    (folder / "out").mkdir()
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    (found,) = (folder / "out").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the wheel, and of this one's packages all but gradc's folders."""
    folder = tmp_path_factory.mktemp("elsewhere")
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    others = [p for p in sys.path if "site-packages" in p and "names" not in p]
    others += [p for p in sys.path if "lib" in p and p not in others and Path(p).is_dir()]
    (site / "others.pth").write_text("\n".join(p for p in others if str(ROOT) not in p) + "\n")
    return folder / "bin" / "python"


def site_of(python: Path) -> Path:
    (site,) = python.parents[1].glob("lib/python*/site-packages")
    return site


def called(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MYPYPATH")}
    return subprocess.run(
        [str(python), *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_it_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (about,) = (archive.read(n) for n in names if n.endswith("METADATA"))
    tops = {name.split("/")[0] for name in names}
    own = {"gradc.py", "gradc-stubs", "gradc_compiler", "gradc_runtime"}
    assert {top for top in tops if not top.endswith(".dist-info")} == own
    known = {p.name for folder in ("compiler", "runtime") for p in (ROOT / folder).rglob("*")
             if p.is_file() and "__pycache__" not in p.parts}  # fmt: skip
    assert known <= {name.rsplit("/", 1)[-1] for name in names}, "no file is left behind"
    message = message_from_bytes(about)
    assert message["Description-Content-Type"] == "text/markdown" and message["License-Expression"]
    assert "sklearn" not in (message.get_all("Provides-Extra") or [])


def test_twine_finds_nothing_wrong_with_it(wheel: Path) -> None:
    if find_spec("twine") is None:
        pytest.skip("twine is not installed: pip install twine")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0 and "PASSED" in found.stdout, found.stdout + found.stderr


def test_it_works_without_the_repository(python: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="gradc.sklearn is part of what is tried")
    found = called(python, "-c", WHOLE, str(site_of(python)), folder=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[0] == "0.1.0" and float(found.stdout.split()[1]) == pytest.approx(1)
    shutil.copy(ROOT / "specs" / "house.nn", tmp_path)
    shutil.copy(ROOT / "specs" / "houses.csv", tmp_path)
    trained = called(python, "-m", "gradc_runtime.cli", "train", "house.nn", folder=tmp_path)
    assert trained.returncode == 0 and "done after" in trained.stderr, trained.stderr


def test_its_types_are_seen_by_who_installs_it(python: Path, tmp_path: Path) -> None:
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed: pip install mypy")
    (tmp_path / "a.py").write_text(TYPED)
    found = called(python, "-m", "mypy", "a.py", "--python-executable", str(python),
                   "--cache-dir", str(tmp_path / "cache"), folder=tmp_path)  # fmt: skip
    assert 'Revealed type is "gradc_runtime.session.history.History"' in found.stdout, found.stdout
    assert 'incompatible type "str"; expected "Program"' in found.stdout
    assert "Skipping analyzing" not in found.stdout and "missing library stubs" not in found.stdout
