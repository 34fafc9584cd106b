"""The server: a function for each question that an editor asks.

It speaks on standard input and output, so nothing else may print there.  A fault of the compiler's
own is logged and answered with nothing; the editor goes on.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.editor.analysis import Analysis
from gradc_compiler.editor.completion import completion
from gradc_compiler.editor.fixes import fixes
from gradc_compiler.editor.hover import hover
from gradc_compiler.editor.occurrences import BUILT_IN, Occurrence
from gradc_compiler.editor.renaming import NotRenamed, renamed
from gradc_compiler.editor.token_kinds import KINDS, MODIFIERS, token_kinds
from gradc_compiler.syntax.pretty.format_source import format_source
from gradc_runtime.cli.actions.versions import version_of
from gradc_runtime.cli.language_server.open_specs import (
    OpenSpecs,
    address_of,
    as_protocol,
)
from gradc_runtime.cli.language_server.text_positions import (
    offset_of,
    position_of,
    range_of,
    whole,
)

OF_KINDS = {
    "keyword": lsp.CompletionItemKind.Keyword,
    "setting": lsp.CompletionItemKind.Field,
    "param": lsp.CompletionItemKind.Variable,
    "function": lsp.CompletionItemKind.Function,
    BUILT_IN: lsp.CompletionItemKind.Function,
    "layer": lsp.CompletionItemKind.Class,
    "cell": lsp.CompletionItemKind.Class,
    "model": lsp.CompletionItemKind.Module,
}
PAUSE = 0.15  # seconds in which nothing is typed, before a text is looked at
LEGEND = lsp.SemanticTokensLegend(token_types=list(KINDS), token_modifiers=list(MODIFIERS))


def server() -> LanguageServer:
    """A server that answers, and has not begun."""
    made = LanguageServer("gradc", version_of("gradc") or "0")
    specs = OpenSpecs()
    for feature, options, answer in FEATURES:
        register = made.feature(feature) if options is None else made.feature(feature, options)
        register(guarded(made, specs, answer))
    say = guarded(made, specs, publish)

    @made.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        await sleep(PAUSE)
        latest = made.workspace.get_text_document(params.text_document.uri).version
        if latest == params.text_document.version:
            say(params)

    return made


def guarded(
    made: LanguageServer, specs: OpenSpecs, answer: Callable[..., Any]
) -> Callable[[Any], Any]:
    """An answer that is logged where it fails: an editor shows no traceback of ours."""

    def handler(params: Any) -> Any:
        try:
            return answer(made, specs, params)
        except JsonRpcInvalidParams:
            raise
        except Exception as fault:
            message = f"gradc: {type(fault).__name__}: {fault}"
            made.window_log_message(
                lsp.LogMessageParams(type=lsp.MessageType.Error, message=message)
            )
            return None

    return handler


def analysis_of(made: LanguageServer, specs: OpenSpecs, uri: str) -> Analysis:
    """What is known of the text as the editor has it now."""
    return specs.look(uri, made.workspace.get_text_document(uri).source)


def named_at(
    made: LanguageServer, specs: OpenSpecs, params: Any
) -> tuple[Analysis, Occurrence | None]:
    """The name at the place of a question, in the text as it is, if that has a tree."""
    found = analysis_of(made, specs, params.text_document.uri)
    return found, found.at(offset_of(found.source, params.position))


def publish(made: LanguageServer, specs: OpenSpecs, params: Any) -> None:
    """Say what is wrong, whenever the text is another or is saved."""
    document = made.workspace.get_text_document(params.text_document.uri)
    saved = isinstance(params, lsp.DidSaveTextDocumentParams)
    found = (specs.again if saved else specs.look)(document.uri, document.source)
    told = [as_protocol(found, diagnostic) for diagnostic in found.diagnostics]
    made.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(uri=document.uri, version=document.version, diagnostics=told)
    )


def closed(made: LanguageServer, specs: OpenSpecs, params: Any) -> None:
    """Forget a file, and what was said of it."""
    specs.forget(params.text_document.uri)
    made.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(uri=params.text_document.uri, diagnostics=[])
    )


def hovered(made: LanguageServer, specs: OpenSpecs, params: Any) -> lsp.Hover | None:
    """What there is to say of a place."""
    found = analysis_of(made, specs, params.text_document.uri)
    said = hover(found, offset_of(found.source, params.position))
    if said is None:
        return None
    text = lsp.MarkupContent(kind=lsp.MarkupKind.Markdown, value=said.text)
    return lsp.Hover(contents=text, range=range_of(said.span))


def defined(made: LanguageServer, specs: OpenSpecs, params: Any) -> lsp.Location | None:
    """Where a name is declared: here, in a file that is imported, in the prelude."""
    _, name = named_at(made, specs, params)
    if name is None or name.declared is None or name.declared.span is None:
        return None
    span = name.declared.span
    return lsp.Location(uri=address_of(span.source), range=range_of(span))


def referred(made: LanguageServer, specs: OpenSpecs, params: Any) -> list[lsp.Location]:
    """Every place of this text that has the name."""
    found, name = named_at(made, specs, params)
    if name is None or name.declared is None:
        return []
    uri = params.text_document.uri
    same = [one for one in found.occurrences if one.declared is name.declared]
    return [lsp.Location(uri=uri, range=range_of(one.span)) for one in same]


def rename(made: LanguageServer, specs: OpenSpecs, params: Any) -> lsp.WorkspaceEdit:
    """A new name, everywhere that the old one stands.

    Raises `JsonRpcInvalidParams` with the reason, where that cannot be.
    """
    found = analysis_of(made, specs, params.text_document.uri)
    try:
        spans = renamed(found, offset_of(found.source, params.position), params.new_name)
    except NotRenamed as fault:
        raise JsonRpcInvalidParams(str(fault)) from None
    edits = [lsp.TextEdit(range=range_of(span), new_text=params.new_name) for span in spans]
    return lsp.WorkspaceEdit(changes={params.text_document.uri: edits})


def completed(made: LanguageServer, specs: OpenSpecs, params: Any) -> lsp.CompletionList:
    """What may be written at a place."""
    uri = params.text_document.uri
    source = Source(uri, made.workspace.get_text_document(uri).source)
    offset = offset_of(source, params.position)  # the text is half written: it is not analysed
    items = [
        lsp.CompletionItem(label=one.label, detail=one.detail or None, kind=OF_KINDS.get(one.kind))
        for one in completion(source.text, offset, specs.last(uri))
    ]
    return lsp.CompletionList(is_incomplete=False, items=items)


def formatted(made: LanguageServer, specs: OpenSpecs, params: Any) -> list[lsp.TextEdit] | None:
    """The canonical form; nothing for a text with errors of syntax."""
    source = analysis_of(made, specs, params.text_document.uri).source
    try:
        text = format_source(source)
    except CompileError:
        return None
    return [lsp.TextEdit(range=whole(source), new_text=text)] if text != source.text else []


def mended(made: LanguageServer, specs: OpenSpecs, params: Any) -> list[lsp.CodeAction]:
    """What mends the errors in a part of the text."""
    uri = params.text_document.uri
    found = analysis_of(made, specs, uri)
    start, end = (offset_of(found.source, at) for at in (params.range.start, params.range.end))
    actions = []
    for diagnostic in found.diagnostics:
        span = diagnostic.primary.span
        if span.source.name != found.source.name or span.end < start or span.start > end:
            continue
        for number, fix in enumerate(fixes(found, diagnostic)):
            edits = [lsp.TextEdit(range=range_of(s), new_text=fix.text) for s in fix.spans]
            actions.append(
                lsp.CodeAction(
                    title=fix.title, kind=lsp.CodeActionKind.QuickFix, is_preferred=number == 0,
                    diagnostics=[as_protocol(found, diagnostic)],
                    edit=lsp.WorkspaceEdit(changes={uri: edits}),
                )
            )  # fmt: skip
    return actions


def coloured(made: LanguageServer, specs: OpenSpecs, params: Any) -> lsp.SemanticTokens:
    """The kind of every word, as the protocol packs them: each from the one before."""
    found = analysis_of(made, specs, params.text_document.uri)
    data: list[int] = []
    line = column = 0
    for one in token_kinds(found):
        at, end = (position_of(found.source, o) for o in (one.span.start, one.span.end))
        column = column if at.line == line else 0
        bits = sum(1 << MODIFIERS.index(name) for name in one.modifiers)
        length = end.character - at.character
        data += [at.line - line, at.character - column, length, KINDS.index(one.kind), bits]
        line, column = at.line, at.character
    return lsp.SemanticTokens(data=data)


FEATURES: list[tuple[str, Any, Callable[..., Any]]] = [
    (lsp.TEXT_DOCUMENT_DID_OPEN, None, publish),
    (lsp.TEXT_DOCUMENT_DID_SAVE, None, publish),
    (lsp.TEXT_DOCUMENT_DID_CLOSE, None, closed),
    (lsp.TEXT_DOCUMENT_HOVER, None, hovered),
    (lsp.TEXT_DOCUMENT_DEFINITION, None, defined),
    (lsp.TEXT_DOCUMENT_REFERENCES, None, referred),
    (lsp.TEXT_DOCUMENT_RENAME, None, rename),
    (
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[">", "~", ".", "(", ":", " "]),
        completed,
    ),
    (lsp.TEXT_DOCUMENT_FORMATTING, None, formatted),
    (
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
        mended,
    ),
    (lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, LEGEND, coloured),
]
