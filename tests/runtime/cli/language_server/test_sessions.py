"""`gradc lsp` in sessions of pytest-lsp, with the client that pygls has, as VS Code would ask."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the extra lsp is not installed: pip install pygls")
pytest_lsp = pytest.importorskip("pytest_lsp", reason="pytest-lsp is not installed")
types: Any = pytest.importorskip("lsprotocol.types")

SPEC = """model net(x : [4]) -> [3] {
    hidden = x |> dense(8) |> tanh
    hidden |> dense(3)
}
"""
SERVER = pytest_lsp.ClientServerConfig(
    server_command=[sys.executable, "-m", "gradc_runtime.cli", "lsp"]
)


@pytest_lsp.fixture(config=SERVER, params=["visual_studio_code", "neovim"])
async def client(
    lsp_client: pytest_lsp.LanguageClient, request: Any, tmp_path: Path
) -> AsyncIterator[Any]:
    """A session from the first message to the last."""
    about = types.InitializeParams(
        capabilities=pytest_lsp.client_capabilities(request.param), root_uri=tmp_path.as_uri()
    )
    await lsp_client.initialize_session(about)
    yield lsp_client
    await lsp_client.shutdown_session()


def opened(client: Any, path: Path, text: str) -> str:
    """Open a text; its address."""
    uri = path.as_uri()
    item = types.TextDocumentItem(uri=uri, language_id="gradc", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
    return uri


def at(uri: str, text: str, word: str) -> dict[str, Any]:
    """A place in a text."""
    before = text[: text.index(word)]
    line, column = before.count("\n"), len(before.rpartition("\n")[2])
    document = types.TextDocumentIdentifier(uri=uri)
    return {"text_document": document, "position": types.Position(line=line, character=column)}


@pytest.mark.asyncio
async def test_a_mistake_is_shown_and_fixed(client: Any, tmp_path: Path) -> None:
    wrong = SPEC.replace("tanh", "tanhh")
    uri = opened(client, tmp_path / "net.nn", wrong)
    await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    (found,) = client.diagnostics[uri]
    assert found.code == "E0201" and found.severity == types.DiagnosticSeverity.Error
    asked = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        range=found.range,
        context=types.CodeActionContext(diagnostics=[found]),
    )
    (fix,) = await client.text_document_code_action_async(asked)
    assert fix.title == "write tanh" and fix.edit.changes[uri][0].new_text == "tanh"


@pytest.mark.asyncio
async def test_shapes_definitions_and_names(client: Any, tmp_path: Path) -> None:
    uri = opened(client, tmp_path / "net.nn", SPEC)
    hover = await client.text_document_hover_async(types.HoverParams(**at(uri, SPEC, "dense(8)")))
    assert "gives `[8]`" in hover.contents.value
    place = types.DefinitionParams(**at(uri, SPEC, "dense(3)"))
    found = await client.text_document_definition_async(place)
    (one,) = found if isinstance(found, list) else [found]
    assert one.uri.endswith("/prelude/layers.nn")
    new = types.RenameParams(**at(uri, SPEC, "hidden = x"), new_name="features")
    edits = (await client.text_document_rename_async(new)).changes[uri]
    assert len(edits) == 2 and {edit.new_text for edit in edits} == {"features"}


@pytest.mark.asyncio
async def test_completion_and_layout(client: Any, tmp_path: Path) -> None:
    rough = SPEC.replace("hidden = x |>", "hidden   =   x|>")
    uri = opened(client, tmp_path / "net.nn", rough)
    place = types.CompletionParams(**at(uri, rough, "dense(3)"))
    found = await client.text_document_completion_async(place)
    items = found if isinstance(found, list) else found.items
    assert {"dense", "relu"} <= {item.label for item in items}
    options = types.FormattingOptions(tab_size=4, insert_spaces=True)
    document = types.TextDocumentIdentifier(uri=uri)
    asked = types.DocumentFormattingParams(text_document=document, options=options)
    (edit,) = await client.text_document_formatting_async(asked)
    assert "hidden = x |> dense(8)" in edit.new_text
