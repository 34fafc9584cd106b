"""A text as far as the stages come with it: a half-written spec has words, maybe a tree and names,
and only a right one has types.

Nothing is raised for what the author wrote: it is in `diagnostics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Source
from gradc_compiler.editor.occurrences import Occurrence, occurrences
from gradc_compiler.elaborate import Module, elaborate
from gradc_compiler.elaborate.names.imports import load_imports
from gradc_compiler.elaborate.names.library import PRELUDE, SourceModule
from gradc_compiler.elaborate.names.problems import DiagnosticSink, LimitExceeded
from gradc_compiler.elaborate.names.scope import Note
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import File
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.warnings import warnings_of

OF_PRELUDE = "prelude/"


@dataclass(frozen=True)
class Analysis:
    """What is known of one text."""

    source: Source
    directory: Path
    tree: File | None
    module: Module | None
    diagnostics: tuple[Diagnostic, ...]  # errors, or warnings where there is none

    @cached_property
    def unit(self) -> SourceModule | None:
        """The file's definitions, and those that it imports, whatever else is wrong with it."""
        if self.tree is None:
            return None
        unit = SourceModule.of(self.source, self.tree)
        try:
            load_imports(self.tree, unit, self.directory, DiagnosticSink())
        except LimitExceeded:
            return unit
        return unit

    @cached_property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """Every name of the text with what it stands for, in order; none without a tree."""
        if self.tree is None or self.unit is None:
            return ()
        found = occurrences(self.tree, self.unit)
        return tuple(sorted(found, key=lambda one: (one.span.start, one.span.end)))

    @cached_property
    def notes(self) -> Mapping[tuple[int, int], Note]:
        """What the parts of the models' own text give, by the ends of the part."""
        if self.module is None:
            return {}
        return {ends: note for notes in self.module.notes.values() for ends, note in notes.items()}

    def at(self, offset: int) -> Occurrence | None:
        """The name at a place; also just behind its last letter."""
        here = [one for one in self.occurrences if one.span.start <= offset <= one.span.end]
        return here[-1] if here else None


def analyse(text: str, path: Path) -> Analysis:
    """Run the stages on a text, which is or will be the file at a path."""
    source, directory = Source(str(path), text), path.parent
    try:
        tree = parse(source)
    except CompileError as fault:
        return Analysis(source, directory, None, None, fault.diagnostics)
    try:
        module = elaborate(tree, source, directory=directory)
    except CompileError as fault:
        return Analysis(source, directory, tree, None, fault.diagnostics)
    return Analysis(source, directory, tree, module, warnings_of(module))


def file_of_source(source: Source) -> Path:
    """The file in which a text lies: one of the prelude lies beside the compiler."""
    if source.name.startswith(OF_PRELUDE):
        return PRELUDE / source.name.removeprefix(OF_PRELUDE)
    return Path(source.name)
