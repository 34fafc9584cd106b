"""The page on Python says what the code says, and the stubs name what `gradc` has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gradc

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_what_the_docstrings_say() -> None:
    pytest.importorskip("sklearn", reason="gradc.sklearn stands on the page")
    from gradc_runtime.cli.python_page import page

    text = (ROOT / "specs" / "python.md").read_text(encoding="utf-8")
    assert text == page(), "run: python -m gradc_runtime.cli.python_page > specs/python.md"
    assert all(f"## `{name}" in text for name in gradc.__all__)
    assert all(f"**`{name}" in text for name in dir(gradc.Session(_program())))


def _program() -> gradc.Program:
    return gradc.compile_source("model f(x : [3]) -> [2] { x |> dense(2) }")


def stubs(name: str) -> set[str]:
    tree = ast.parse((ROOT / "runtime" / "stubs" / name).read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_type_checkers_are_told_of_every_name() -> None:
    assert stubs("__init__.pyi") == {*gradc.__all__}
    assert stubs("sklearn.pyi") == {"Classifier", "Regressor"}
    assert (ROOT / "runtime" / "py.typed").is_file() and (ROOT / "compiler/py.typed").is_file()


def test_the_version_is_that_of_what_is_installed() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{gradc.__version__}"' in project
    with pytest.raises(AttributeError, match="gradc has no sesion; it has "):
        gradc.sesion  # type: ignore[attr-defined]  # noqa: B018
