"""The notebook of the appendix, cell by cell: in IPython where it is installed, and in a shell that
has of IPython what the notebook asks for.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gradc

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "specs" / "appendix.ipynb"


class PlainShell:
    """Magics of one line (`%load_ext`), magics of a cell, Python; a cell gives its last value."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.magics: dict[str, Callable[[str, str], Any]] = {}

    def register_magic_function(self, func: Any, magic_kind: str, magic_name: str) -> None:
        assert magic_kind == "cell"
        self.magics[magic_name] = func

    def run(self, text: str) -> Any:
        if text.startswith("%%"):
            first, _, rest = text.partition("\n")
            name, _, line = first[2:].partition(" ")
            return self.magics[name](line, rest)
        lines = text.splitlines()
        for line in lines:
            if line.startswith("%load_ext "):
                import_module(line.split()[1]).load_ipython_extension(self)
        return self.python("\n".join(line for line in lines if not line.startswith("%")))

    def python(self, text: str) -> Any:
        tree = ast.parse(text)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), self.user_ns)
        if last is None:
            return None
        assert isinstance(last, ast.Expr)
        return eval(compile(ast.Expression(last.value), "cell", "eval"), self.user_ns)


def code_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_every_cell_runs_and_shows_what_it_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "specs")
    shell = PlainShell()
    given = [found for text in code_cells() if (found := shell.run(text)) is not None]
    kinds = [type(one).__name__ for one in given]
    assert kinds == [
        "Program", "Graph", "ToldDerivation", "Session", "Program", "History", "ToldDerivation"
    ]  # fmt: skip
    for one in given:
        shown = one._repr_svg_() if hasattr(one, "_repr_svg_") else one._repr_html_()
        assert shown.startswith(("<svg", "<p")) and "<script" not in shown


def test_it_has_no_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_in_ipython_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    interactive = pytest.importorskip("IPython.core.interactiveshell", reason="pip install ipython")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.chdir(ROOT / "specs")
    shell = interactive.InteractiveShell()
    for text in code_cells()[:4]:
        shell.run_cell(text).raise_error()
    assert isinstance(shell.user_ns["house"], gradc.Program)
    wrong = shell.run_cell("%%gradc wrong\nmodel f(x : [3]) -> [2] { x }")
    assert isinstance(wrong.error_in_exec, gradc.CompileError)


def test_a_cell_that_is_no_name_is_refused() -> None:
    shell = PlainShell()
    gradc.load_ipython_extension(shell)
    with pytest.raises(gradc.RunError, match="takes the name of the program, and not two words"):
        shell.run("%%gradc two words\nmodel f(x : [3]) -> [3] { x }")
