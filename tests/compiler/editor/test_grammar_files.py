"""Grammars of other programs are what the list of words says, and colour every spec as it is read.

What the compiler's own lexer says of a word is what a grammar has to say of it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.editor.grammar_files import FILES
from gradc_compiler.syntax.lex.lex import scan
from gradc_compiler.syntax.lex.newlines import lay_out
from gradc_runtime.cli.pygments_lexer import GradcLexer

ROOT = Path(__file__).resolve().parents[3]
EDITORS = ROOT / "editors"
SPECS = [*sorted((ROOT / "specs").glob("*.nn")), *sorted((ROOT / "compiler/prelude").glob("*.nn"))]
KEYWORDS = {"MINIMIZE", "USING", "REPORT", "PARAM", "NOISE", "STATE", "STEP", "OVER", "ON", "FROM"}
TEXTMATE = {"COMMENT": "comment", "TEXT": "string", "NUMBER": "constant.numeric"}
TEXTMATE |= {"DIMS": "constant.numeric", "KIND": "storage.type", "SETTING": "keyword.other.setting"}
TEXTMATE |= dict.fromkeys(KEYWORDS, "keyword")
VIM = {"COMMENT": "gradcComment", "TEXT": "gradcString", "KIND": "gradcDeclaration"}
VIM |= {"NUMBER": "gradcNumber", "DIMS": "gradcNumber", "SETTING": "gradcSetting"}
VIM |= dict.fromkeys(KEYWORDS, "gradcStatement")
TREE_SITTER = {"COMMENT": "comment", "TEXT": "string", "NUMBER": "number", "DIMS": "number"}
TREE_SITTER |= dict.fromkeys([*KEYWORDS, "KIND", "SETTING"], "keyword")
PYGMENTS = {"COMMENT": "Token.Comment", "TEXT": "Token.Literal.String", "KIND": "Token.Keyword"}
PYGMENTS |= dict.fromkeys(("NUMBER", "DIMS"), "Token.Literal.Number")
PYGMENTS |= dict.fromkeys([*KEYWORDS, "SETTING"], "Token.Keyword")


@pytest.mark.parametrize("name", FILES)
def test_a_grammar_is_what_the_words_say(name: str) -> None:
    assert (EDITORS / name).read_text(encoding="utf-8") == FILES[name](), (
        "run: python -m gradc_compiler.editor.grammar_files"
    )


@cache
def words_of(path: Path) -> tuple[tuple[int, str, str], ...]:
    """Where each word of a spec begins, its text, and what the compiler takes it for."""
    raw = scan(Source(path.name, path.read_text(encoding="utf-8")))
    comments = [token for token in raw if token.type == "COMMENT"]
    words, _, _, _ = lay_out(raw)
    return tuple((t.span.start, t.text, t.type) for t in [*words, *comments])


def wrong(path: Path, scopes: dict[int, str], known: dict[str, str]) -> list[str]:
    """The words whose kind in a grammar does not begin as it should."""
    return [
        f"{text} is {scopes.get(start)}, not {known[terminal]}"
        for start, text, terminal in words_of(path)
        if terminal in known and not str(scopes.get(start)).startswith(known[terminal])
    ]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_pygments_sees_what_the_compiler_sees(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = [*GradcLexer().get_tokens_unprocessed(text)]
    assert "".join(piece for _, _, piece in tokens) == text
    assert not [piece for _, kind, piece in tokens if "Error" in str(kind)]
    assert wrong(path, {start: str(kind) for start, kind, _ in tokens}, PYGMENTS) == []


def test_pygments_is_told_where_the_lexer_is() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    (place,) = re.findall(r'^gradc = "(\S+):GradcLexer"', project, re.MULTILINE)
    assert place == GradcLexer.__module__ and GradcLexer.aliases[0] == "gradc"


SCRIPT = """
const fs = require("fs"), tm = require("vscode-textmate"), oniguruma = require("vscode-oniguruma");
const wasm = fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer;
const lib = oniguruma.loadWASM(wasm).then(() => ({
  createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
  createOnigString: (text) => new oniguruma.OnigString(text),
}));
const text = fs.readFileSync(process.argv[2], "utf8");
const loadGrammar = async () => tm.parseRawGrammar(text, "g.json");
const registry = new tm.Registry({ onigLib: lib, loadGrammar });
registry.loadGrammar("source.gradc").then((grammar) => {
  const found = {};
  for (const path of process.argv.slice(3)) {
    let stack = tm.INITIAL, start = 0;
    found[path] = {};
    for (const line of fs.readFileSync(path, "utf8").split("\\n")) {
      const made = grammar.tokenizeLine(line, stack);
      stack = made.ruleStack;
      for (const token of made.tokens) {
        const inner = line.slice(token.startIndex, token.endIndex);
        const at = start + Array.from(line.slice(0, token.startIndex)).length;
        found[path][at] = token.scopes[token.scopes.length - 1];
      }
      start += Array.from(line).length + 1;
    }
  }
  console.log(JSON.stringify(found));
});
"""


@pytest.fixture(scope="module")
def textmate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """What VS Code's own engine says of every spec."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, which brings VS Code's engine of grammars")
    folder = tmp_path_factory.mktemp("textmate")
    packages = ["vscode-textmate@9", "vscode-oniguruma@2"]
    install = ["npm", "install", "--no-audit", "--no-fund", *packages]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install vscode-textmate: {done.stderr.strip()[-200:]}")
    (folder / "run.js").write_text(SCRIPT)
    grammar = EDITORS / "vscode" / "syntaxes" / "gradc.tmLanguage.json"
    command = ["node", "run.js", str(grammar), *map(str, SPECS)]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    by_file: dict[str, Any] = json.loads(found.stdout)
    return {path: {int(k): v for k, v in at.items()} for path, at in by_file.items()}


def test_textmate_sees_what_the_compiler_sees(textmate: dict[str, dict[int, str]]) -> None:
    found = {path.name: wrong(path, textmate[str(path)], TEXTMATE) for path in SPECS}
    assert not {name: what for name, what in found.items() if what}


def test_the_extension_is_whole() -> None:
    folder = EDITORS / "vscode"
    package = json.loads((folder / "package.json").read_text())
    (language,), (grammar,) = (package["contributes"][k] for k in ("languages", "grammars"))
    assert language["extensions"] == [".nn"] and language["id"] == grammar["language"]
    made = json.loads((folder / grammar["path"]).read_text())
    assert made["scopeName"] == grammar["scopeName"]
    json.loads((folder / language["configuration"]).read_text())
    assert (folder / package["main"]).is_file()
    if shutil.which("node") is not None:
        subprocess.run(["node", "--check", folder / package["main"]], check=True)


VIM_SCRIPT = """
set nocompatible
let &runtimepath = "{folder}," . &runtimepath
filetype on
syntax on
edit {path}
redir! > {out}
for line in range(1, line("$"))
  for column in range(1, len(getline(line)))
    silent echo line . " " . column . " " . synIDattr(synID(line, column, 1), "name")
  endfor
endfor
redir END
qall!
"""


@pytest.mark.parametrize("name", ["mnist_cnn", "wgan_gp", "unet"])
def test_vim_sees_what_the_compiler_sees(name: str, tmp_path: Path) -> None:
    vim = shutil.which("vim")
    about = subprocess.run([vim, "--version"], capture_output=True).stdout if vim else b""
    if vim is None or b"+syntax" not in about:
        pytest.skip("no vim with syntax files is installed")
    path, out = ROOT / "specs" / f"{name}.nn", tmp_path / "out"
    script = tmp_path / "script.vim"
    script.write_text(VIM_SCRIPT.format(folder=EDITORS / "vim", path=path, out=out))
    command = [vim, "-N", "-u", "NONE", "-i", "NONE", "-es", "-S", str(script)]
    subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    text = path.read_text(encoding="utf-8")
    starts = Source(name, text).line_starts
    scopes = {}
    for line in out.read_text().split("\n"):
        if line.strip():
            row, column, *kind = line.split(" ")
            before = text[starts[int(row) - 1] :].split("\n")[0].encode()[: int(column) - 1]
            scopes[starts[int(row) - 1] + len(before.decode(errors="ignore"))] = " ".join(kind)
    assert wrong(path, scopes, VIM) == []


@pytest.fixture(scope="module")
def tree_sitter(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The command, and a folder in which it has made a parser of the grammar."""
    command = shutil.which("tree-sitter")
    if command is None:
        pytest.skip("the command tree-sitter, which makes parsers, is not installed: see .ci/tools")
    folder = tmp_path_factory.mktemp("parser") / "tree-sitter"
    shutil.copytree(EDITORS / "tree-sitter", folder)
    subprocess.run([command, "generate"], cwd=folder, check=True, capture_output=True)
    return command, folder


def test_tree_sitter_reads_every_spec_and_sees_what_is_wrong(tree_sitter: tuple[str, Path]) -> None:
    command, folder = tree_sitter

    def parsed(*paths: Path) -> subprocess.CompletedProcess[str]:
        words = [command, "parse", "--quiet", *map(str, paths)]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)

    found = parsed(*SPECS)
    assert found.returncode == 0, found.stdout + found.stderr
    (folder / "wrong.nn").write_text("model f( {\n")
    assert parsed(folder / "wrong.nn").returncode == 1


CAPTURE = re.compile(r"capture: \d+ - ([\w.]+), start: \((\d+), (\d+)\)")


def test_tree_sitter_sees_what_the_compiler_sees(tree_sitter: tuple[str, Path]) -> None:
    command, folder = tree_sitter
    query = [command, "query", "--captures", "queries/highlights.scm"]
    for path in SPECS:
        words = [*query, str(path)]
        found = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
        lines = path.read_text(encoding="utf-8").split("\n")
        starts = Source(path.name, "\n".join(lines)).line_starts
        scopes = {}
        for kind, row, column in CAPTURE.findall(found.stdout):
            before = lines[int(row)].encode()[: int(column)].decode()
            scopes[starts[int(row)] + len(before)] = kind
        scopes |= {at: "keyword" for at, kind in scopes.items() if kind == "type"}  # `: layer`
        assert wrong(path, scopes, TREE_SITTER) == [], path.name
