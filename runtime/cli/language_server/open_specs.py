"""What is known of each open spec: its last analysis, and the last whose text had a tree.

While a line is being written the text has none; names and shapes are then those of a moment ago.
"""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types as lsp
from pygls.uris import from_fs_path, to_fs_path

from gradc_compiler.diagnostics.source import ERROR, Diagnostic, Source
from gradc_compiler.editor.analysis import Analysis, analyse, file_of_source
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Import
from gradc_runtime.cli.language_server.text_positions import range_of, whole

CODES = "gradc"


@dataclass
class OpenSpec:
    """A spec in an editor."""

    found: Analysis
    with_tree: Analysis | None


class OpenSpecs:
    """All of them, by the address that the editor has for each."""

    def __init__(self) -> None:
        self.known: dict[str, OpenSpec] = {}

    def look(self, uri: str, text: str) -> Analysis:
        """Analyse a text, if it is not the one that was looked at last."""
        spec = self.known.get(uri)
        if spec is not None and spec.found.source.text == text:
            return spec.found
        found = analyse(text, path_of(uri))
        last = spec.with_tree if spec is not None else None
        self.known[uri] = OpenSpec(found, last if found.tree is None else found)
        return found

    def again(self, uri: str, text: str) -> Analysis:
        """Analyse a text anew: a file that it imports may be another now."""
        self.forget(uri)
        return self.look(uri, text)

    def last(self, uri: str) -> Analysis | None:
        """The last analysis of a text that had a tree."""
        spec = self.known.get(uri)
        return spec.with_tree if spec is not None else None

    def forget(self, uri: str) -> None:
        """A file is closed."""
        self.known.pop(uri, None)


def path_of(uri: str) -> Path:
    """The file of an address; a text that is no file yet lies in the current folder."""
    return Path(to_fs_path(uri) or "untitled.nn")


def address_of(source: Source) -> str:
    """The address of the file that a text is in."""
    return from_fs_path(str(file_of_source(source).resolve())) or source.name


def as_protocol(found: Analysis, diagnostic: Diagnostic) -> lsp.Diagnostic:
    """A diagnostic with its hint below its sentence, its other places beside it."""
    hint = f"\nhint: {diagnostic.hint}" if diagnostic.hint is not None else ""
    here = diagnostic.primary.span.source.name == found.source.name
    labels = diagnostic.secondary if here else (diagnostic.primary, *diagnostic.secondary)
    return lsp.Diagnostic(
        range=range_of(diagnostic.primary.span) if here else importing(found, diagnostic),
        message=f"{diagnostic.message}{hint}",
        severity=lsp.DiagnosticSeverity.Error
        if diagnostic.severity == ERROR
        else lsp.DiagnosticSeverity.Warning,
        code=diagnostic.code,
        source=CODES,
        related_information=[
            lsp.DiagnosticRelatedInformation(
                location=lsp.Location(uri=address_of(one.span.source), range=range_of(one.span)),
                message=one.text or "here",
            )
            for one in labels
            if one.span.source.text
        ],
    )


def importing(found: Analysis, diagnostic: Diagnostic) -> lsp.Range:
    """Where a file is imported that has an error: this text shows it there."""
    name = file_of_source(diagnostic.primary.span.source).name
    for declaration in found.tree.declarations if found.tree is not None else ():
        if isinstance(declaration, Import) and Path(declaration.path).name == name:
            return range_of(declaration.span)
    return whole(found.source)
