"""Files of definitions: the spec itself, what it imports, and the prelude.

A name is looked for in its own file, then in what that file imports, then in the prelude.  The
prelude is indexed by a scan of its text; a definition is parsed when it is first used, so that
checking a small spec stays quick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from functools import cache, cached_property
from pathlib import Path as FilePath

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.elaborate.names.values import Defined, StaticValue
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    Data,
    Declaration,
    Definition,
    Derivative,
    File,
    Let,
    Train,
)
from gradc_compiler.syntax.parse.parse import parse

PRELUDE = FilePath(__file__).parents[2] / "prelude"
HEAD = re.compile(
    r"^(?:layer|cell|model|function|initializer|regularizer|optimizer|schedule) +(\w+)",
    re.MULTILINE,
)


@dataclass(eq=False)
class SourceModule:
    """One file's definitions and what it sees of others."""

    source: Source
    definitions: dict[str, Defined] = field(default_factory=dict)
    imported: dict[str, Defined] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)  # of what is imported, as written
    data: dict[str, Data] = field(default_factory=dict)
    trains: list[Train] = field(default_factory=list)
    declarations: tuple[Declaration, ...] = ()  # all of the file, in order
    missing: set[str] = field(default_factory=set)  # names whose import failed
    missing_all: bool = False  # an import of all names failed
    derivatives: dict[str, Derivative] = field(default_factory=dict)  # by function
    constants: dict[str, StaticValue] = field(default_factory=dict)  # what each `let` stands for

    is_prelude = False

    def find(self, name: str) -> Defined | None:
        """The definition a name stands for in this file."""
        return self.definitions.get(name) or self.imported.get(name) or prelude().find(name)

    def known(self) -> set[str]:
        """All names it can find."""
        return {*self.definitions, *self.imported, *prelude().places}

    def lets(self) -> Iterator[Let]:
        """Its constants, in order."""
        yield from (one for one in self.declarations if isinstance(one, Let))

    def models(self) -> Iterator[Defined]:
        """Its models, in order, then those it imports."""
        yield from (d for d in self.definitions.values() if d.is_model)
        yield from (d for d in self.imported.values() if d.is_model)

    @staticmethod
    def of(source: Source, file: File) -> SourceModule:
        """A file's unit, without its imports; the first of two equal names counts."""
        unit = SourceModule(source, declarations=file.declarations)
        for declaration in file.declarations:
            match declaration:
                case Definition(name=name):
                    unit.definitions.setdefault(name, Defined(declaration, unit))
                case Derivative(name=name):
                    unit.derivatives.setdefault(name, declaration)
                case Data(name=name):
                    unit.data.setdefault(name, declaration)
                case Train():
                    unit.trains.append(declaration)
        return unit


class Prelude(SourceModule):
    """The standard library: every `.nn` file beside it, as one name space."""

    is_prelude = True

    @cached_property
    def sources(self) -> list[Source]:
        """The files' texts."""
        return [
            Source(f"prelude/{path.name}", path.read_text(encoding="utf-8"))
            for path in sorted(PRELUDE.glob("*.nn"))
        ]

    @cached_property
    def places(self) -> dict[str, tuple[Source, int]]:
        """Where each name is defined."""
        return {m[1]: (s, m.start()) for s in self.sources for m in HEAD.finditer(s.text)}

    def find(self, name: str) -> Defined | None:
        """A prelude definition, parsed now if it has not been."""
        if name not in self.definitions:
            if name not in self.places:
                return None
            self.definitions[name] = Defined(self._parse(*self.places[name]), self)
        return self.definitions[name]

    def _parse(self, source: Source, start: int) -> Definition:
        """One definition: the rest of its file is blanked, so that spans keep their place."""
        text = source.text
        following = HEAD.search(text, start + 1)
        end = following.start() if following else len(text)
        kept = re.sub(r"[^\n]", " ", text[:start]) + text[start:end]
        try:
            declaration = parse(Source(source.name, kept)).declarations[0]
        except CompileError as error:
            raise AssertionError(f"{source.name} does not parse: {error}") from error
        assert isinstance(declaration, Definition), f"{source.name} holds more than definitions"
        return declaration


@cache
def prelude() -> Prelude:
    """The one prelude of this process."""
    return Prelude(Source("prelude", ""))
