"""`import "blocks.nn"`: definitions of other files, inside the spec's directory only."""

from __future__ import annotations

from pathlib import Path as FilePath

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.problems import (
    DiagnosticSink,
    LimitExceeded,
    diagnose,
    did_you_mean,
)
from gradc_compiler.elaborate.names.values import Defined
from gradc_compiler.syntax.grammar.tree import File, Import
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source

FILES = 200
CHARACTERS = 1_000_000
Loaded = dict[FilePath, SourceModule | None]  # None while a file is being read, or after an error


def load_imports(
    file: File, unit: SourceModule, directory: FilePath | None, problems: DiagnosticSink
) -> list[SourceModule]:
    """Fill the unit's imported names, and those of every file it imports; gives these files."""
    loaded: Loaded = {}
    if directory is not None:
        loaded[(directory / FilePath(unit.source.name).name).resolve()] = None
    _load(file, unit, directory, directory, loaded, problems)
    return [other for other in loaded.values() if other is not None]


def _load(
    file: File,
    unit: SourceModule,
    here: FilePath | None,
    root: FilePath | None,
    loaded: Loaded,
    problems: DiagnosticSink,
) -> None:
    for tree in file.declarations:
        if not isinstance(tree, Import):
            continue
        other = _unit(tree, here, root, loaded, problems)
        if other is None:
            for name in tree.names or ():
                unit.missing.add(name.name)
            unit.missing_all |= tree.names is None
            continue
        _take_names(tree, other, unit, problems)


def _unit(
    tree: Import,
    here: FilePath | None,
    root: FilePath | None,
    loaded: Loaded,
    problems: DiagnosticSink,
) -> SourceModule | None:
    if here is None or root is None:
        problems.add(diagnose("E0204", "a text without a file cannot import", tree.span))
        return None
    path = (here / tree.path).resolve()
    if not path.is_relative_to(root.resolve()):
        message, hint = f"`{tree.path}` is outside the spec's directory", "imports stay inside"
        hint = f"{hint} {root.resolve()}"
        problems.add(diagnose("E0205", message, tree.span, label=str(path), hint=hint))
        return None
    if path in loaded:
        if loaded[path] is None:
            message = f"`{tree.path}` imports itself, directly or by way of others"
            problems.add(diagnose("E0206", message, tree.span))
        return loaded[path]
    _require_room(tree, loaded)
    loaded[path] = None
    loaded[path] = _read(tree, path, root, loaded, problems)
    return loaded[path]


def _require_room(tree: Import, loaded: Loaded) -> None:
    """E0106 where the limit of imported files is reached."""
    if len(loaded) > FILES or sum(len(u.source.text) for u in loaded.values() if u) > CHARACTERS:
        limits = f"{FILES} files or {CHARACTERS:,} characters"
        found = diagnose("E0106", f"the imports are more than {limits}", tree.span)
        raise LimitExceeded(found)


def _read(
    tree: Import, path: FilePath, root: FilePath, loaded: Loaded, problems: DiagnosticSink
) -> SourceModule | None:
    if not _is_file(path):
        near = did_you_mean(path.name, (p.name for p in path.parent.glob("*.nn")))
        problems.add(
            diagnose(
                "E0204", f"there is no file `{tree.path}`", tree.span, label=str(path), hint=near
            )
        )
        return None
    try:
        source = read_source(path)
        file = parse(source)
    except CompileError as error:
        for d in error.diagnostics:
            problems.add(d)
        return None
    unit = SourceModule.of(source, file)
    _load(file, unit, path.parent, root, loaded, problems)
    return unit


def _is_file(path: FilePath) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


def _take_names(
    tree: Import, other: SourceModule, unit: SourceModule, problems: DiagnosticSink
) -> None:
    for name, defined in _wanted(tree, other, unit, problems).items():
        known = unit.definitions.get(name) or unit.imported.get(name)
        if known is not None and known is not defined:
            message = f"`{name}` comes from here and is defined elsewhere too"
            here = [(known.definition.name_span, "here")]
            problems.add(diagnose("E0202", message, tree.span, secondary=here))
        unit.imported.setdefault(name, defined)
        unit.paths.setdefault(name, tree.path)


def _wanted(
    tree: Import, other: SourceModule, unit: SourceModule, problems: DiagnosticSink
) -> dict[str, Defined]:
    """The definitions an import asks for: all of a file, or those listed that the file has."""
    if tree.names is None:
        return dict(other.definitions)
    found = {}
    for name in tree.names:
        if name.name in other.definitions:
            found[name.name] = other.definitions[name.name]
            continue
        unit.missing.add(name.name)
        message = f"`{tree.path}` defines no `{name.name}`"
        near = did_you_mean(name.name, other.definitions)
        problems.add(diagnose("E0201", message, name.span, hint=near))
    return found
