"""The layering, read from the imports (for types alone too), and the sizes of files.

    compiler/   stdlib, lark, networkx, numpy
    runtime/    numba and the rest; of the compiler only what is in CONTRACT
    runtime/cli drives both

Every package stands on a floor of its own and imports only lower ones.
Changing a table here is a decision: write it in `specs/decisions.md`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE, LONGEST_LINE = 250, 100  # of a file, imports are not counted
TABLES = {  # literal tables, and pages of dataclasses
    "compiler/ops/elementwise.py",
    "compiler/syntax/parse/messages.py",
    "compiler/syntax/grammar/tree.py",
}
NAMES = {"compiler": "gradc_compiler", "runtime": "gradc_runtime"}  # of folders, once installed

COMPILER = {"lark", "networkx", "numpy", "gradc_compiler"}
RUNTIME = {
    "click", "lark", "llvmlite", "networkx", "numba", "lsprotocol", "numpy", "onnx", "pygls",
    "pygments", "rich", "safetensors", "sklearn", "matplotlib", "gradc_runtime", "gradc_compiler",
}  # fmt: skip
CONTRACT = {  # what the runtime may know of the compiler
    "gradc_compiler.records.fast_dataclass",
    "gradc_compiler.diagnostics.wording",
    "gradc_compiler.c.c_names",
    "gradc_compiler.pipeline",  # a back end of `onnx.backend` compiles what it is given
    "gradc_compiler.machine.addition_chains",
    "gradc_compiler.machine.cost_model",
    "gradc_compiler.machine.machine",
    "gradc_compiler.machine.targets",
    "gradc_compiler.program.arrays",
    "gradc_compiler.program.derivative",
    "gradc_compiler.program.entry",
    "gradc_compiler.program.kernel_abi",
    "gradc_compiler.program.notebook_table",
    "gradc_compiler.program.variants",
    "gradc_compiler.program.program",
    "gradc_compiler.program.recurrence_launch",
    "gradc_compiler.program.shelf",
    "gradc_compiler.graph.types",
    "gradc_compiler.graph.ragged",
    "gradc_compiler.graph.outputs",
    "gradc_compiler.graph.named_values",
    "gradc_compiler.graph_tools.flattened_images",
    "gradc_compiler.explorer.told",
    "gradc_compiler.onnx.records",
    "gradc_compiler.onnx.export.onnx_graph",
}
FLOORS = [  # from the lowest
    "gradc_compiler.records",
    "gradc_compiler.diagnostics",
    "gradc_compiler.error_index",
    "gradc_compiler.syntax.grammar",
    "gradc_compiler.syntax.lex",
    "gradc_compiler.syntax.parse",
    "gradc_compiler.syntax.pretty",
    "gradc_compiler.graph",
    "gradc_compiler.machine",
    "gradc_compiler.ops",
    "gradc_compiler.graph_tools",
    "gradc_compiler.program",
    "gradc_compiler.onnx",
    "gradc_compiler.transform",
    "gradc_compiler.elaborate.names",
    "gradc_compiler.elaborate.types",
    "gradc_compiler.elaborate.functions",
    "gradc_compiler.elaborate.parameters",
    "gradc_compiler.elaborate.layers",
    "gradc_compiler.elaborate.expressions",
    "gradc_compiler.elaborate.models",
    "gradc_compiler.elaborate.training",
    "gradc_compiler.elaborate",
    "gradc_compiler.warnings",
    "gradc_compiler.rewrites.algebra",
    "gradc_compiler.rewrites.conv",
    "gradc_compiler.rewrites",
    "gradc_compiler.study",
    "gradc_compiler.fusion",
    "gradc_compiler.memory",
    "gradc_compiler.loops",
    "gradc_compiler.printing",
    "gradc_compiler.select",
    "gradc_compiler.whole_step",
    "gradc_compiler",
    "gradc_compiler.editor",
    "gradc_compiler.emitted",
    "gradc_compiler.c",
    "gradc_compiler.numba_module",
    "gradc_compiler.derived",
    "gradc_compiler.explorer",
    "gradc_compiler.onnx.export",
    "gradc_runtime.system",
    "gradc_runtime.ranks",
    "gradc_runtime.data.tables",
    "gradc_runtime.data.arrays",
    "gradc_runtime.data.blocks",
    "gradc_runtime.data.folders",
    "gradc_runtime.data.readers",
    "gradc_runtime.data",
    "gradc_runtime.binding",
    "gradc_runtime.weights",
    "gradc_runtime.session",
    "gradc_runtime.cpu.codegen.language",
    "gradc_runtime.cpu.codegen",
    "gradc_runtime.cpu.gemm",
    "gradc_runtime.cpu.objects",
    "gradc_runtime.cpu.partition",
    "gradc_runtime.cpu.interpreter",
    "gradc_runtime.cpu.threads",
    "gradc_runtime.cpu",
    "gradc_runtime.cpu.numba_jit",
    "gradc_runtime.cpu.tuning",
    "gradc_runtime.embed",
    "gradc_runtime.onnx.importer",
    "gradc_runtime.onnx.importer.rules",
    "gradc_runtime.onnx",
    "gradc_runtime.cuda",
    "gradc_runtime.cuda.launch",
    "gradc_runtime.cuda.devices",
    "gradc_runtime.cuda.estimates",
    "gradc_runtime.cuda.execution",
    "gradc_runtime.cuda.library",
    "gradc_runtime.certificates",
    "gradc_runtime.training",
    "gradc_runtime.estimators",
    "gradc_runtime.notebooks",
]
"""`runtime/cli` stands above all of them."""


def sources(*packages: str) -> list[Path]:
    return sorted(p for package in packages for p in (ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """The name that a file is imported by."""
    first, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([NAMES[first], *rest]).removesuffix(".__init__")


MODULES = {module_of(p): p for p in sources("compiler", "runtime")}


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, and of what it takes from them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno} imports relatively"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def package_of(module: str) -> str:
    """The package that a module lies in."""
    is_package = MODULES[module].name == "__init__.py"
    return module if is_package else module.rpartition(".")[0]


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
        if "cli" not in path.parts:
            known = {m for m in imports(path) if top(m) == "gradc_compiler"}
            assert known <= CONTRACT, relative(path)


def test_every_package_has_a_floor_of_its_own() -> None:
    packages = {package_of(m) for m, path in MODULES.items() if path.name != "__init__.py"}
    packages |= {m for m, path in MODULES.items() if path.name == "__init__.py" and code_in(path)}
    assert len(set(FLOORS)) == len(FLOORS)
    assert {p for p in packages if not p.startswith("gradc_runtime.cli")} == {*FLOORS}


def code_in(path: Path) -> bool:
    """Whether a file says more than its docstring."""
    return len(ast.parse(path.read_text(encoding="utf-8")).body) > 1


@pytest.mark.parametrize("module", [m for m in MODULES if "cli" not in m.split(".")])
def test_imports_go_downwards(module: str) -> None:
    floors = {name: k for k, name in enumerate(FLOORS)}
    own = package_of(module)
    for other in imports(MODULES[module]):
        if other in MODULES and package_of(other) != own:
            assert floors[package_of(other)] < floors[own], f"{module} imports {other}, above it"


def test_no_modules_know_one_another() -> None:
    known = {m: {o for o in imports(path) if o in MODULES} - {m} for m, path in MODULES.items()}
    try:
        TopologicalSorter(known).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' '.join(error.args[1])}") from None


def test_lines_and_files_are_short() -> None:
    found = []
    for path in sources("compiler", "runtime", "tests"):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if relative(path) in TABLES:
            continue
        long = [n for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]
        found += [f"{relative(path)}:{n} has more than {LONGEST_LINE} characters" for n in long]
        body = ast.parse(text).body
        taken = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
        count = len(lines) - sum((n.end_lineno or n.lineno) - n.lineno + 1 for n in taken)
        if count > LONGEST_FILE:
            found.append(f"{relative(path)} has {count} lines, at most {LONGEST_FILE}")
    assert not found, "\n".join(found)


def test_modules_open_with_their_idea() -> None:
    for path in sources("compiler", "runtime"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not tree.body or ast.get_docstring(tree), f"{relative(path)} has no docstring"
        stars = [n for n in ast.walk(tree) if isinstance(n, ast.alias) and n.name == "*"]
        assert not stars, f"{relative(path)} imports a star"


def test_the_repository_has_these_packages_and_no_other() -> None:
    assert {p.parent.name for p in ROOT.glob("*/*.py")} <= {"compiler", "runtime", "tests"}
