"""The layering, read from the imports, and the sizes of files.

    compiler/   stdlib, lark, networkx, numpy
    runtime/    numba and the rest; of the compiler only what is in CONTRACT
    runtime/cli drives both

Changing a table here is a decision: write it in `specs/decisions.md`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_FILE, LONGEST_LINE = 250, 100
TABLES = {  # literal tables, and pages of dataclasses
    "compiler/ops/elementwise.py",
    "compiler/syntax/messages.py",
    "compiler/syntax/tree.py",
}

COMPILER = {"lark", "networkx", "numpy", "compiler"}
RUNTIME = {
    "click",
    "lark",
    "llvmlite",
    "networkx",
    "numba",
    "numpy",
    "rich",
    "safetensors",
    "sklearn",
    "matplotlib",
    "runtime",
    "compiler",
}
CONTRACT = {  # what the runtime may know of the compiler
    "compiler.entry",
    "compiler.geometry",
    "compiler.single",
    "compiler.program",
    "compiler.graph.types",
    "compiler.graph.ragged",
}
LAYERS = [  # within the compiler, from the lowest; a package may import those before it
    {"compiler.source"},
    {"compiler.graph", "compiler.ops", "compiler.syntax", "compiler.codes", "compiler.render"},
    {
        "compiler.differentiate",
        "compiler.adjoints",
        "compiler.update_rule",
        "compiler.geometry",
        "compiler.single",
        "compiler.entry",
        "compiler.program",
    },
    {"compiler.passes"},
    {"compiler.emit", "compiler.schedule", "compiler.elaborate", "compiler.expressions"},
    {"compiler.warnings"},
    {"compiler.pipeline"},
    {"compiler.derived"},
]
"""`emit` writes what `schedule` plans, and `schedule` names what `emit` gave it."""


def sources(*packages: str) -> list[Path]:
    return sorted(p for package in packages for p in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, but for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno} imports relatively"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(module: str) -> str:
    return module.split(".")[0]


def foreign(path: Path) -> set[str]:
    return {top(m) for m in imports(path)} - set(sys.stdlib_module_names)


def test_the_compiler_knows_neither_numba_nor_the_runtime() -> None:
    known = {relative(p): foreign(p) - COMPILER for p in sources("compiler")}
    assert not {path: modules for path, modules in known.items() if modules}


def test_the_runtime_knows_the_contract_only() -> None:
    for path in sources("runtime"):
        assert foreign(path) <= RUNTIME, relative(path)
        if "cli" in path.parts:
            continue
        known = {m for m in imports(path) if top(m) == "compiler"}
        strange = {m for m in known if not any(f"{m}.".startswith(f"{c}.") for c in CONTRACT)}
        assert strange <= {c.rsplit(".", 1)[0] for c in CONTRACT}, relative(path)


def test_the_compiler_imports_downwards() -> None:
    for path in sources("compiler"):
        own = level_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for module in imports(path):
            other = level_of(module) if top(module) == "compiler" else None
            above = own is not None and other is not None and other > own
            assert not above, f"{relative(path)} imports {module}, which is above"


def level_of(module: str) -> int | None:
    for level, names in enumerate(LAYERS):
        if any(f"{module}.".startswith(f"{name}.") for name in names):
            return level
    return None


def test_lines_and_files_are_short() -> None:
    found = []
    for path in sources("compiler", "runtime", "tests"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if relative(path) in TABLES:
            continue
        long = [n for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]
        found += [f"{relative(path)}:{n} has more than {LONGEST_LINE} characters" for n in long]
        if len(lines) > LONGEST_FILE:
            found.append(f"{relative(path)} has {len(lines)} lines, at most {LONGEST_FILE}")
    assert not found, "\n".join(found)


def test_modules_open_with_their_idea() -> None:
    for path in sources("compiler", "runtime"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not tree.body or ast.get_docstring(tree), f"{relative(path)} has no docstring"
        stars = [n for n in ast.walk(tree) if isinstance(n, ast.alias) and n.name == "*"]
        assert not stars, f"{relative(path)} imports a star"


def test_the_repository_has_these_packages_and_no_other() -> None:
    assert {p.parent.name for p in ROOT.glob("*/*.py")} <= {"compiler", "runtime", "tests"}
