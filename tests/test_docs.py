"""Every command and snippet in README, CONTRIBUTING and specs/*.md is run.

A ```console block holds commands after `$ ` and what they print on standard output; `...` on a line
of its own stands for any lines, inside a line for any text.  A ```python block is executed.  A
```nn block is compiled.  `pip install` lines are what the CI script itself does.  The row of an
operator stands in the table of operators; every file that is named is there.  A block that stands
below a line of only `NAME`: is saved under that name, for commands to read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.data.folders.drawn import pictures, saved

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "tests/cases/README.md",
    *sorted((ROOT / "specs").glob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAVED = re.compile(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"\b(?:compiler|runtime|specs|tests)/[\w./-]*\w")
ROW = re.compile(r"^ {4}\w+ = elementwise\(.*\)$", re.MULTILINE)
COMMAND = [sys.executable, "-m", "gradc_runtime.cli"]


def blocks(language: str) -> list[object]:
    """All blocks of a language, named by page and line."""
    found: list[object] = []
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            if match[1] == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(match[2], id=f"{page.name}:{line}"))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the specs, the files that pages tell one to save, and some pictures."""
    target = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "specs", target / "specs")
    for page in PAGES:
        for name, text in SAVED.findall(page.read_text()):
            (target / name).write_text(text)
    pictures(target / "pets", each=12, size=(24, 32))
    green = np.full((40, 30, 3), (10, 190, 20), np.uint8)
    (target / "photo.jpg").write_bytes(saved(green, "JPEG"))
    return target


def transcript(block: str) -> Iterator[tuple[str, str]]:
    """Each command and the text that follows it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def pattern(expected: str) -> re.Pattern[str]:
    """The expected text with its dots as wildcards."""
    lines = [
        "(?:.*\\n)*?"
        if line.strip() == "..."
        else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + "\\n"
        for line in expected.strip("\n").splitlines()
    ]
    return re.compile("".join(lines))


@pytest.mark.parametrize("block", blocks("console"))
def test_console(block: str, folder: Path) -> None:
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": _path()}
    for command, expected in transcript(block):
        if "pip install" in command or command.startswith("pytest"):
            continue
        assert command.startswith(("gradc ", "built/")), f"only gradc is run here: {command}"
        shell = command.replace("gradc ", " ".join(COMMAND) + " ", 1)
        found = subprocess.run(
            shell,
            shell=True,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        shown = "\n".join(
            line.rstrip() for line in (found.stdout + found.stderr).strip("\n").splitlines()
        )
        assert pattern(expected).match(shown + "\n"), (
            f"$ {command}\nprinted\n{shown}\ninstead of\n{expected}"
        )


def _path() -> str:
    """Where this process finds the packages, for the commands it starts."""
    return os.pathsep.join(p for p in sys.path if p)


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(block, "snippet", "exec"), {})


@pytest.mark.wide
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch about parts of itself
def test_the_lines_of_pytorch_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's blocks of `py` one after another, as they build on each other."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, block in BLOCK.findall((ROOT / "specs" / "from_pytorch.md").read_text()):
        if language == "py":
            exec(compile(block, "from_pytorch.md", "exec"), names)
    assert "fast" in names  # the last of them


@pytest.mark.parametrize("block", blocks("nn"))
def test_spec(block: str) -> None:
    from gradc_compiler.pipeline import compile_source

    program = compile_source(block, "snippet.nn", directory=str(ROOT / "specs"))
    for entry in program.entries:
        assert program.entries[entry].phases is not None


@pytest.mark.parametrize("block", blocks("nn"))
def test_a_snippet_is_on_the_cpu_what_it_is_by_reference(block: str) -> None:
    """Forward, gradient, and the gradient of the squared gradient."""
    from gradc_compiler.diagnostics.source import Source
    from gradc_compiler.pipeline import compilation
    from tests.support.second_order import assert_as_the_reference, of_model, of_step

    module = compilation(Source("snippet.nn", block), ROOT / "specs", {}).module
    steps = [step.name for step in module.train.steps if not step.descends] if module.train else []
    for graph in (of_step(module.gradients(name)) for name in steps):
        assert_as_the_reference(graph)
    for name in module.models:
        forward = module.forward(name)
        assert_as_the_reference(forward if steps else of_model(forward))


def spaceless(text: str) -> str:
    return re.sub(r"\s", "", text)


def test_the_row_of_an_operator_stands_in_the_table() -> None:
    rows = ROW.findall((ROOT / "README.md").read_text())
    table = spaceless((ROOT / "compiler" / "ops" / "elementwise.py").read_text())
    assert rows and all(spaceless(row) in table for row in rows)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    missing = [name for name in NAMED.findall(page.read_text()) if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_line_of_a_sentence_does_not_begin_a_list(page: Path) -> None:
    """`(factors` and then `+ 1) units` would be an item of a list."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    begun = r"^(?![-+*#|<> ]|\d+[.)] |\s*$|.*:$).*[^:\n]\n(?:[-+*]|\d+[.)]) .*"
    assert re.findall(begun, text, flags=re.MULTILINE) == []


def test_the_reference_names_every_function_and_every_word() -> None:
    from gradc_compiler.elaborate.expressions.builtins import BUILTINS
    from gradc_compiler.syntax.lex.newlines import SETTINGS

    told = set(re.findall(r"\w+", (ROOT / "specs" / "language.md").read_text()))
    grammar = (ROOT / "compiler/syntax/grammar/grammar.lark").read_text()
    words = set(re.findall(r'"([a-z]+)"', grammar))
    assert {*BUILTINS, *SETTINGS, *words} - told == set()


def test_every_spec_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [p.stem for p in (ROOT / "specs").glob("*.nn") if f"`{p.stem}`" not in readme] == []


def test_a_figure_is_drawn_by_the_command_that_is_named(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    drawn = tmp_path / "specs" / "gallery" / "circle.png"
    drawn.unlink()
    environment = os.environ | {"PYTHONPATH": _path()}
    command = [sys.executable, "specs/gallery/make.py", "circle"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert drawn.is_file()
