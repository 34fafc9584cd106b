"""Programs that an earlier run compiled: found by the text of the spec and all it is compiled with.

`kept_entries.py` spares the making of a schedule; here reading, elaborating and differentiating a
spec are spared too, and nothing of the compiler is even imported.  Whatever was not kept (an entry
that no run has asked for, a graph, a warning) is made when it is asked for, by compiling the spec
after all.

A program is kept in one form: for the CPU, and float32.  Its other forms are of the spec compiled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.lazy import Lazy
from gradc_compiler.machine.targets import CPU, TARGETS
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.derivative import AskedDerivative
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.entry_text import print_records, read_records
from gradc_compiler.program.kept_records import KeptEntry, KeptProgram
from gradc_compiler.program.program import Checks, Program
from gradc_compiler.program.shelf import Shelf, shelf
from gradc_compiler.syntax.parse.read_file import read_source

if TYPE_CHECKING:
    from gradc_compiler.pipeline import Compilation

Compile = Callable[[], "Compilation"]
FORM = "a program for the CPU in float32"
OTHERS = [target for target in TARGETS if target != CPU]


def kept_program(source: Source, fact: str, compiled: Compile) -> Program:
    """The program of a spec, which a fact stands for: from the shelf, or compiled and put there.

    Raises `CompileError` where the spec has errors.
    """
    place, compiled = shelf(), cache(compiled)
    if place is None:
        return compiled().program
    text = place.find(fact)
    try:
        kept = None if text is None else read_records(text, KeptProgram)
    except ValueError:
        place.refuse(fact)
        kept = None
    if kept is None or not are_as_they_were(kept.imports):
        try:
            text = print_records(kept_of(compiled()))
        except TypeError:  # what has no text is compiled anew each time
            return compiled().program
        kept = read_records(text, KeptProgram)
        place.keep(fact, text, f"the program of {kept.name}")
    assert text is not None, "a program has been read of a text"
    return ProgramOnShelf(place, f"{fact}\n{text}", compiled).program(kept, source)


def program_fact(
    source: Source, directory: str | Path, overrides: Mapping[str, Any],
    without: Collection[str], exact: bool, precision: str | None,
) -> str:  # fmt: skip
    """All that a program follows from but for what its spec imports, as a text."""
    place = str(Path(directory).resolve())  # what it imports and reads lies there
    given = (source.name, str(directory), place, sorted(overrides.items()), sorted(without))
    return "\n".join([FORM, repr((*given, exact, precision)), source.text])


def are_as_they_were(imports: Mapping[str, str]) -> bool:
    """Whether every file that a spec imports has the text that it had."""
    try:
        return all(digest(read_source(path)) == known for path, known in imports.items())
    except CompileError:
        return False


def digest(source: Source) -> str:
    """What stands for a text."""
    return hashlib.sha256(source.text.encode()).hexdigest()


def kept_of(made: Compilation) -> KeptProgram:
    """What is kept of a compiled spec."""
    program = made.program
    return KeptProgram(
        name=program.name,
        imports={source.name: digest(source) for source in made.module.imports},
        persistents=program.persistents,
        persistent_words=program.persistent_words,
        models=program.models,
        entries=tuple(program.entries),
        data=program.data,
        training=program.training,
        precision=program.precision,
        inputs=program.inputs,
        outputs=program.outputs,
    )


class ProgramOnShelf:
    """The parts of a program that was found, each made when it is asked for."""

    def __init__(self, place: Shelf, fact: str, compiled: Compile) -> None:
        self.place, self.fact, self.compiled = place, fact, compiled

    def program(self, kept: KeptProgram, source: Source) -> Program:
        """The program itself."""
        steps = [] if kept.training is None else [step.name for step in kept.training.steps]
        checks = Checks(
            graphs=Lazy(kept.entries, lambda name: self.checks.graphs[name]),
            rules=Lazy(steps, lambda name: self.checks.rules[name]),
            probe=lambda name, graph: self.checks.probe(name, graph),
        )
        return Program(
            name=kept.name,
            source=source.text,
            persistents=kept.persistents,
            persistent_words=kept.persistent_words,
            models=kept.models,
            entries=Lazy(kept.entries, self.entry),
            data=kept.data,
            training=kept.training,
            evaluate=evaluate,
            inputs=kept.inputs,
            outputs=kept.outputs,
            checks=checks,
            precision=kept.precision,
            **self.compiled_parts(),
        )

    def compiled_parts(self) -> dict[str, Any]:
        """What is asked of the spec compiled: derivatives, warnings, and the program for other
        targets, widths and precisions.
        """
        return {
            "derive": self.derived,
            "look": lambda: self.compiled().program.warnings,
            "forms": Lazy(OTHERS, lambda target: self.compiled().program.of_target(target)),
            "exactly": lambda: self.compiled().program.exact,
            "remade": lambda precision: self.compiled().program.of_precision(precision),
        }

    @property
    def checks(self) -> Checks:
        """What entries are held against, of the spec compiled."""
        checks = self.compiled().program.checks
        assert checks is not None, "a compiled program has checks"
        return checks

    def entry(self, name: str) -> Entry:
        """An entry, which an earlier run may have kept."""
        fact, graph = f"{self.fact}\n{name}", Deferred(partial(self.graph, name))
        if (text := self.place.find(fact)) is not None:
            try:
                return read_records(text, KeptEntry, graph).whole()
            except ValueError:
                self.place.refuse(fact)
        entry = self.compiled().program.entries[name]
        with suppress(TypeError):
            self.place.keep(fact, print_records(KeptEntry.of(entry)), f"an entry, {name}")
        return entry

    def derived(self, asked: AskedDerivative) -> Program:
        """The program of a derivative, of the spec compiled."""
        derive = self.compiled().program.derive
        assert derive is not None, "a compiled program has derivatives"
        return derive(asked)

    def graph(self, name: str) -> Any:
        """The graph of an entry, of the spec compiled."""
        return self.compiled().program.entries[name].graph
