"""One name, one thing; and the maps say where each is."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_compiler.rewrites.algebra.switches import FORMER

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("compiler", "runtime")
NAMED = re.compile(r"\b(?:compiler|runtime|specs|tests)/[\w./]*\w")
FILES = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))
TWICE: set[str] = set()  # classes of one name in two files


def is_pair(paths: list[Path]) -> bool:
    """Whether these are a command and its action: the one thing in two halves."""
    return {p.parent.relative_to(ROOT).as_posix() for p in paths} == {
        "runtime/cli/commands", "runtime/cli/actions"
    }  # fmt: skip


def test_no_two_modules_have_one_name() -> None:
    known = defaultdict(list)
    for path in FILES:
        if path.stem not in ("__init__", "__main__"):
            known[path.stem].append(path)
    assert not {n: paths for n, paths in known.items() if len(paths) > 1 and not is_pair(paths)}


def test_no_two_classes_have_one_name() -> None:
    known = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                known[node.name].append(path)
    assert {name for name, paths in known.items() if len(paths) > 1} == TWICE


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_map_is_prose_that_names_every_package(folder: str) -> None:
    tree = ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    assert len(tree.body) == 1, "a map has no code"
    named = {name.rstrip("/") for name in NAMED.findall(text)}
    assert not [name for name in named if not (ROOT / name).exists()]
    packages = {p.parent.relative_to(ROOT).as_posix() for p in FILES}
    missing = {p for p in packages if not any(f"{n}/".startswith(f"{p}/") for n in named)}
    assert not {p for p in missing if p.startswith(folder)}


def test_the_walk_names_every_package_and_a_test_at_each_stage() -> None:
    text = (ROOT / "specs" / "walk.md").read_text(encoding="utf-8")
    named = {name.rstrip("/") for name in NAMED.findall(text)}
    packages = {p.parent.relative_to(ROOT).as_posix() for p in FILES}
    missing = {p for p in packages if not any(f"{n}/".startswith(f"{p}/") for n in named)}
    assert not missing
    assert all("tests/" in stage or "specs/" in stage for stage in text.split("\n## ")[1:])


def test_the_glossary_says_where_each_term_is() -> None:
    text = (ROOT / "specs" / "glossary.md").read_text(encoding="utf-8")
    text = text.partition("\n## Words of the code\n")[2]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) > 60
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4 and all(cells), row
        files = NAMED.findall(cells[2])
        assert files and all((ROOT / name).exists() for name in files), row


def test_former_names_of_switches_still_switch() -> None:
    assert FORMER and {*FORMER.values()} <= {*OPTIONAL} and not {*FORMER} & {*OPTIONAL}
    text = "model f(x : [3]) -> [2] { x |> dense(2) }"
    (entry,) = compile_source(text).entries.values()
    assert entry.whole_step is not None
    for name in ("straight", "whole-step"):
        (entry,) = compile_source(text, without=[name]).entries.values()
        assert entry.whole_step is None
