"""`gradc lsp` as an editor meets it: a process, asked over its pipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.cli.calling import Caller
from tests.support.lsp_client import LspClient

pytest.importorskip("pygls", reason="the extra lsp is not installed: pip install pygls")

SPEC = """\
# a network of two layers: 😀
import block from "blocks.nn"
model net(x : [4]) -> [3] {
    hidden = x |> dense(8) |> tanh
    hidden |> block(5) |> dense(3)
}
data iris(x : [4], label : class(3)) = iris()
train on iris {
    minimize cross_entropy(net(x), label)
    using adam(lr = 1e-2), epochs 5
}
"""
BLOCKS = "# one more layer\nlayer block(width : size)(x : [n]) -> [width] { x |> dense(width) }\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("specs")
    (path / "blocks.nn").write_text(BLOCKS)
    return path


@pytest.fixture(scope="module")
def editor(folder: Path) -> Iterator[LspClient]:
    client = LspClient(folder)
    yield client
    assert client.close() == 0


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text after edits, from the last to the first."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:k]) for k in range(len(lines))]

    def offset(at: dict[str, int]) -> int:
        before = lines[at["line"]].encode("utf-16-le")[: 2 * at["character"]]
        return starts[at["line"]] + len(before.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: -offset(e["range"]["start"])):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


def test_it_says_what_it_can_do(editor: LspClient) -> None:
    wanted = ("hover", "definition", "references", "rename", "documentFormatting", "codeAction")
    assert all(editor.capabilities[f"{name}Provider"] for name in wanted)
    assert editor.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"][0] == "keyword"


def test_errors_while_typing(editor: LspClient) -> None:
    assert editor.open("net.nn", SPEC) == []
    (found,) = editor.change(SPEC.replace("tanh", "tanhh"))
    assert found["code"] == "E0201" and found["severity"] == 1 and found["source"] == "gradc"
    assert found["message"] == "`tanhh` is not defined\nhint: did you mean `tanh`?"
    assert found["range"]["start"] == editor.place("tanhh")
    (cut,) = editor.change(SPEC.replace("block(5)", "block(5"))
    assert cut["code"] == "E0104"
    assert editor.change(SPEC) == []


def test_a_warning_and_other_places(editor: LspClient) -> None:
    (found,) = editor.open("soft.nn", SPEC.replace("dense(3)\n", "dense(3) |> softmax\n"))
    assert found["severity"] == 2 and found["code"] == "W0001"
    (wrong,) = editor.change(SPEC.replace("[3] {", "[2] {"))
    labels = [one["message"] for one in wrong["relatedInformation"]]
    assert "this is [3]" in labels


def test_what_stands_under_the_cursor(editor: LspClient) -> None:
    editor.open("net.nn", SPEC)
    dense = editor.at("hover", "dense(8)")["contents"]["value"]
    assert "layer dense(units : size)(x : [n]) -> [units]" in dense
    assert "y = W x + b" in dense, "the comment of the prelude"
    assert "gives `[8]`" in dense and "40 parameters" in dense
    assert "is `[8]`" in editor.at("hover", "hidden = x")["contents"]["value"]
    assert "one more layer" in editor.at("hover", "block(5)")["contents"]["value"]
    assert "103 parameters" in editor.at("hover", "net(x), label")["contents"]["value"]
    assert "label : class(3)" in editor.at("hover", "label)\n")["contents"]["value"]
    assert "is minimised" in editor.at("hover", "minimize")["contents"]["value"]
    assert editor.at("hover", "{\n    hidden") is None


def test_a_function_of_the_language_has_its_derivative(editor: LspClient) -> None:
    editor.open("f.nn", "model f(x : [4]) -> [4] { tanh(x) }\n")
    said = editor.at("hover", "tanh")["contents"]["value"]
    assert "derivative" in said and "y * y" in said


def test_definitions_here_in_a_file_and_in_the_prelude(editor: LspClient, folder: Path) -> None:
    editor.open("net.nn", SPEC)
    here = editor.at("definition", "hidden |> block")
    assert here["uri"] == editor.uri and here["range"]["start"] == editor.place("hidden = x")
    block = editor.at("definition", "block(5)")
    assert block["uri"] == (folder / "blocks.nn").as_uri() and block["range"]["start"]["line"] == 1
    prelude = editor.at("definition", "dense(8)")
    assert prelude["uri"].endswith("/prelude/layers.nn")
    file = Path(prelude["uri"].removeprefix("file://"))
    line = file.read_text().split("\n")[prelude["range"]["start"]["line"]]
    assert line.startswith("layer dense(")
    assert len(editor.at("references", "hidden = x", context={"includeDeclaration": True})) == 2


def test_a_new_name_goes_wherever_the_old_one_stood(editor: LspClient) -> None:
    editor.open("net.nn", SPEC)
    edits = editor.at("rename", "net(x), label", newName="classify")["changes"][editor.uri]
    assert applied(SPEC, edits) == SPEC.replace("net(x", "classify(x")
    for word, new, why in (
        ("dense(8)", "other", "declared in prelude/layers.nn"),
        ("hidden", "model", "cannot be a name"),
        ("hidden", "x", "is a name in this file already"),
    ):
        with pytest.raises(RuntimeError, match=why):
            editor.at("rename", word, newName=new)


def test_completion_knows_the_place(editor: LspClient) -> None:
    editor.open("net.nn", SPEC)

    def labels(behind: str) -> set[str]:
        place = editor.place(behind, len(behind))
        found = editor.of_text("completion", position=place)
        return {item["label"] for item in found["items"]}

    assert {"dense", "block", "relu"} <= labels("hidden |> ") and "adam" not in labels("x |> ")
    assert {"adam", "sgd", "batch"} <= labels("using ") and "dense" not in labels("using ")
    assert {"lr = ", "beta1 = "} <= labels("adam(")
    assert {"scalar", "class", "seq"} <= labels("label : ")
    assert {"hidden", "x"} <= labels("|> tanh\n    ")


def test_formatting_and_mends(editor: LspClient) -> None:
    rough = SPEC.replace("hidden = x |>", "hidden   =   x|>")
    editor.open("net.nn", rough)
    (edit,) = editor.of_text("formatting", options={"tabSize": 4, "insertSpaces": True})
    assert applied(rough, [edit]) == SPEC
    wrong = SPEC.replace("tanh", "tanhh")
    (diagnostic,) = editor.change(wrong)
    (fix,) = editor.of_text("codeAction", range=diagnostic["range"], context={"diagnostics": []})
    assert fix["title"] == "write tanh" and fix["isPreferred"]
    assert applied(wrong, fix["edit"]["changes"][editor.uri]) == SPEC


def test_colours_are_of_every_word_in_order(editor: LspClient) -> None:
    editor.open("net.nn", SPEC)
    legend = editor.capabilities["semanticTokensProvider"]["legend"]
    data = editor.of_text("semanticTokens/full")["data"]
    lines, line, column, seen = SPEC.split("\n"), 0, 0, list[tuple[str, str, int]]()
    for k in range(0, len(data), 5):
        down, right, length, kind, bits = data[k : k + 5]
        line, column = line + down, right if down else column + right
        text = lines[line].encode("utf-16-le")[2 * column : 2 * (column + length)]
        seen.append((text.decode("utf-16-le"), legend["tokenTypes"][kind], bits))
    assert seen[0][1] == "comment" and seen[0][0].endswith("😀")
    library = 1 << legend["tokenModifiers"].index("defaultLibrary")
    assert ("dense", "class", library) in seen and ("hidden", "variable", 1) in seen
    assert ("minimize", "keyword", 0) in seen and ("epochs", "keyword", 0) in seen


def test_a_fault_in_an_imported_file_stands_at_the_import(editor: LspClient, folder: Path) -> None:
    (folder / "broken.nn").write_text("layer block(x : t) -> t { x |> rellu }\n")
    (found,) = editor.open("net.nn", SPEC.replace("blocks.nn", "broken.nn").replace("(5)", ""))
    assert found["range"]["start"] == editor.place("import block")
    (label,) = found["relatedInformation"]
    assert label["location"]["uri"] == (folder / "broken.nn").as_uri()


def test_what_cannot_be_asked_is_answered_and_the_server_goes_on(editor: LspClient) -> None:
    editor.open("odd.nn", "model f(x : [3]) { x")
    assert editor.of_text("formatting", options={"tabSize": 4, "insertSpaces": True}) is None
    assert editor.at("definition", "x }" if "x }" in editor.text else "x :") is None
    assert editor.of_text("hover", position={"line": 99, "character": 99}) is None
    editor.tell("textDocument/didClose", textDocument={"uri": editor.uri})
    assert editor.open("odd.nn", "model f(x : [3]) { x }") == []


def test_without_pygls_one_line_says_what_to_install(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pygls", None)
    answer = call("lsp")
    assert answer.code == 2 and answer.err == "gradc: gradc lsp needs pygls: pip install pygls\n"
