"""What a public function may raise stands in its docstring; a long reason is a Note.

`Raises ... where ...` is how the first is said.  A reason of more than four lines of comment is a
`Note [Name]` at the foot of a module, which other places cite by that name.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gradc

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / "gradc.py", *sorted((ROOT / "compiler").rglob("*.py"))]
FILES += sorted((ROOT / "runtime").rglob("*.py"))
INTERNAL = {"AssertionError", "NotImplementedError"}  # a fault of the program, not of its caller
NOTE = re.compile(r"Note\s+\[([^\]]+)\]")
LONGEST_COMMENT = 4  # lines
Function = ast.FunctionDef | ast.ClassDef


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the program."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


@cache
def exceptions() -> frozenset[str]:
    """The names of all exceptions: Python's, and the classes derived from them."""
    known = {name for name in dir(builtins) if is_exception(getattr(builtins, name))}
    classes = [n for t in trees().values() for n in ast.walk(t) if isinstance(n, ast.ClassDef)]
    bases = {n.name: {name_of(base) for base in n.bases} for n in classes}
    while found := {name for name, of in bases.items() if of & known} - known:
        known |= found
    return frozenset(known - INTERNAL)


def is_exception(thing: object) -> bool:
    """Whether a built-in name is that of an exception."""
    return isinstance(thing, type) and issubclass(thing, BaseException)


def name_of(node: ast.expr | None) -> str:
    """`Fault` of `Fault`, `shim.Fault` and `Fault(...)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def public(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """Functions, and methods of classes, without an underscore; not those inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function) and not child.name.startswith("_"):
            if isinstance(child, ast.FunctionDef):
                yield child
            else:
                yield from public(child)


def raised(node: ast.AST) -> set[str]:
    """The exceptions that a body raises by name, without those of functions inside it."""
    found = set[str]()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise):
            found.add(name_of(child.exc))
        if not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            found |= raised(child)
    return found & exceptions()


def silent(tree: ast.AST) -> list[str]:
    """Public functions that raise an exception and name none of those that they raise."""
    return [
        f.name
        for f in public(tree)
        if (names := raised(f)) and not any(name in (ast.get_docstring(f) or "") for name in names)
    ]


def test_public_functions_say_what_they_raise() -> None:
    found = {p.relative_to(ROOT).as_posix(): silent(tree) for p, tree in trees().items()}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize("call", ["run", "gradients", "step", "evaluate", "train", "save", "load"])
def test_what_users_call_says_what_it_raises(call: str) -> None:
    assert "Raises `" in (getattr(gradc.Session, call).__doc__ or "")


def test_a_function_that_does_not_say_so_is_found() -> None:
    text = 'def f() -> None:\n    """{}"""\n    raise ValueError("no")\n'
    assert silent(ast.parse(text.format("Do it."))) == ["f"]
    assert not silent(ast.parse(text.format("Raises `ValueError`.")))


def comments(text: str) -> Iterator[list[str]]:
    """The blocks of lines that are comments and nothing else."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.strip().startswith("#"):
            block.append(line.strip().removeprefix("#").strip())
        elif block:
            yield block
            block = []


def test_a_long_reason_is_a_note() -> None:
    blocks = [block for p in FILES for block in comments(p.read_text(encoding="utf-8"))]
    long = [b[0] for b in blocks if len(b) > LONGEST_COMMENT]
    assert long, "there are Notes"
    assert not [first for first in long if not NOTE.match(first)]


def test_a_note_that_is_cited_stands_somewhere_once() -> None:
    texts = [re.sub(r"\s*\n\s*(# )?", " ", p.read_text(encoding="utf-8")) for p in FILES]
    counts = Counter(name for text in texts for name in NOTE.findall(text))
    lines = [line for p in FILES for line in p.read_text(encoding="utf-8").splitlines()]
    places = Counter(m[1] for line in lines if (m := NOTE.match(line.removeprefix("# "))))
    assert {name for name in counts if places[name] != 1} == set(), "cited, but not there once"
    assert {name for name in counts if counts[name] < 2} == set(), "there, but never cited"
