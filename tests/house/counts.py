"""What the house counts of itself: sizes, names, circles, docstrings.

`python tests/house/counts.py` prints them, with a folder those of another tree of this repository.
Everything is read from the syntax trees; nothing is imported or run.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import networkx

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("compiler", "runtime")
PAIRED = {"runtime/cli/commands", "runtime/cli/actions"}  # a command and what it does
LONGEST_FILE, LONGEST_FUNCTION = 250, 25
WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef)
NAMED_BY = ("id", "attr", "name", "arg")
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Function:
    """A function: its file and name, and its lines from `def` to the last."""

    file: str
    name: str
    lines: int

    def __str__(self) -> str:
        return f"{Path(self.file).stem}.{self.name}"


class House:
    """The Python files of the compiler and the runtime, below one folder."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        paths = sorted(p for folder in FOLDERS for p in (root / folder).rglob("*.py"))
        self.texts = {p.relative_to(root).as_posix(): p.read_text(encoding="utf-8") for p in paths}
        self.trees = {name: ast.parse(text) for name, text in self.texts.items()}
        self.nodes = {name: [*ast.walk(tree)] for name, tree in self.trees.items()}

    @cached_property
    def functions(self) -> list[Function]:
        """All functions and methods, from the longest."""
        found = [
            Function(file, node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
            for file, nodes in self.nodes.items()
            for node in nodes
            if isinstance(node, ast.FunctionDef)
        ]
        return sorted(found, key=lambda f: -f.lines)

    def lines(self) -> int:
        return sum(len(text.splitlines()) for text in self.texts.values())

    def files_naming(self, word: str) -> list[str]:
        """The files whose code has a word, docstrings and comments apart: those that one operator
        needs.
        """
        return [name for name in self.texts if re.search(rf"\b{word}\b", self._code(name))]

    def _code(self, name: str) -> str:
        """The names and strings of a file, without its docstrings."""
        told = {id(node.value) for node in self.nodes[name] if isinstance(node, ast.Expr)}
        names = (getattr(node, field, "") for node in self.nodes[name] for field in NAMED_BY)
        strings = (
            node.value
            for node in self.nodes[name]
            if isinstance(node, ast.Constant) and id(node) not in told
        )
        return " ".join(str(part) for part in (*names, *strings) if isinstance(part, str))

    def module_names_twice(self) -> dict[str, list[str]]:
        """Base names that stand for several files, but for a command and its action."""
        known: dict[str, list[str]] = defaultdict(list)
        for name in self.texts:
            if not name.endswith("__.py"):
                known[Path(name).stem].append(name)
        return {
            stem: files
            for stem, files in known.items()
            if len(files) > 1 and {Path(f).parent.as_posix() for f in files} != PAIRED
        }

    def class_names_twice(self) -> list[str]:
        nodes = (node for nodes in self.nodes.values() for node in nodes)
        names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
        return sorted(name for name, count in names.items() if count > 1)

    def circles(self) -> list[list[str]]:
        """Modules that import one another, for types alone too: each group that does."""
        modules = {_module(name): name for name in self.texts}
        known = networkx.DiGraph()
        for module, name in modules.items():
            known.add_edges_from((module, other) for other in self._imports(name, modules))
        groups = networkx.strongly_connected_components(known)
        return sorted(sorted(group) for group in groups if len(group) > 1)

    def _imports(self, name: str, modules: dict[str, str]) -> Iterator[str]:
        for node in self.nodes[name]:
            if isinstance(node, ast.ImportFrom) and node.module:
                module = node.module.removeprefix("gradc_")
                for alias in node.names:
                    full = f"{module}.{alias.name}"
                    yield from (m for m in [full if full in modules else module] if m in modules)

    def documented(self, kind: type[ast.Module] | type[Named]) -> tuple[int, int]:
        """How many modules, classes or functions have a docstring, and of how many."""
        files = [nodes for name, nodes in self.nodes.items() if self.trees[name].body]
        nodes = [node for nodes in files for node in nodes if isinstance(node, kind)]
        return sum(bool(_docstring(node)) for node in nodes), len(nodes)

    def long_files(self) -> list[str]:
        """Files above the limit, imports not counted."""
        return [name for name in self.texts if self._length(name) > LONGEST_FILE]

    def _length(self, name: str) -> int:
        body = self.trees[name].body
        taken = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
        return len(self.texts[name].splitlines()) - sum(
            (n.end_lineno or n.lineno) - n.lineno + 1 for n in taken
        )

    def long_functions(self) -> list[Function]:
        return [f for f in self.functions if f.lines > LONGEST_FUNCTION]

    def share(self, part: float) -> int:
        """The length that this part of all functions does not exceed."""
        lengths = sorted(f.lines for f in self.functions)
        return lengths[int(part * (len(lengths) - 1))]


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _docstring(node: ast.AST) -> str | None:
    return ast.get_docstring(node) if isinstance(node, WITH_DOCSTRING) else None


def rows(house: House) -> Iterator[tuple[str, object]]:
    """Each count with its name."""
    yield "files", len(house.texts)
    yield "lines", house.lines()
    yield "files that name `tanh`", len(house.files_naming("tanh"))
    yield "module names that stand twice", len(house.module_names_twice())
    yield "class names that stand twice", len(house.class_names_twice())
    yield "circles of imports", len(house.circles())
    yield "modules in circles", sum(map(len, house.circles()))
    yield "functions", len(house.functions)
    yield "function length: median", house.share(0.5)
    yield "function length: p90", house.share(0.9)
    yield "function length: longest", house.functions[0].lines
    yield f"functions over {LONGEST_FUNCTION} lines", len(house.long_functions())
    yield f"files over {LONGEST_FILE} lines, imports apart", len(house.long_files())
    for what, kind in (
        ("modules", ast.Module), ("classes", ast.ClassDef), ("functions", ast.FunctionDef)
    ):  # fmt: skip
        told, all_of_them = house.documented(kind)
        yield f"{what} with a docstring", f"{told / all_of_them:.1%}"


def table(house: House) -> str:
    """All counts, and the functions that are longer than they should be."""
    told = [f"{what:<42}{count:>9}" for what, count in rows(house)]
    return "\n".join([*told, *(f"  {f.lines:>4}  {f}" for f in house.long_functions())])


if __name__ == "__main__":
    print(table(House(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)))
