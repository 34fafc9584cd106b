"""What stays as the author wrote it: optimizers, schedules, initializers, and the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gradc_compiler.elaborate.models.settings import definitions_in
from gradc_compiler.elaborate.names.library import SourceModule
from gradc_compiler.elaborate.names.values import Defined, Keyword, StaticText
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.pipeline import Compilation
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import (
    Assign,
    Data,
    Definition,
    Noise,
    Param,
    Parameter,
    State,
    Tree,
)


def is_known(defined: Defined, unit: SourceModule) -> bool:
    """Whether its name means it in the spec's own file, and so in a derived program."""
    found = unit.find(defined.definition.name)
    return found is not None and found.definition is defined.definition


def kept(made: Compilation, names: Iterable[str]) -> str:
    """The imports and definitions that the settings of optimizers and the given names need."""
    unit, train = made.module.unit, made.module.train
    assert train is not None, "looked at before"
    used = [*names]
    for step in train.steps:
        used += [d.definition.name for d in definitions_in(step.rules.optimizer)]
    found: dict[str, Definition] = {}
    imported: dict[str, str] = {}  # name -> path
    while used:
        name = used.pop()
        if name in found or name in imported:
            continue
        if name in unit.definitions and not unit.definitions[name].is_model:
            found[name] = unit.definitions[name].definition
            used += names_of(found[name])
        elif name in unit.imported:
            imported[name] = unit.paths[name]
    lines = [
        f'import {", ".join(sorted(n for n in imported if imported[n] == path))} from "{path}"\n'
        for path in dict.fromkeys(imported.values())
    ]
    texts = [d.span.text for d in made.tree.declarations if d in found.values()]
    return "".join(lines) + "\n".join(f"{text}\n" for text in texts)


def constants_in(texts: Iterable[str], made: Compilation) -> str:
    """The constants that stand in texts which are kept, with the values of this program."""
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    known = made.module.unit.constants.items()
    return "".join(f"let {name} = {_plain(value)}\n" for name, value in known if name in words)


def names_of(definition: Definition) -> set[str]:
    """The names a definition uses, but for those that it binds."""
    return {*names_in(definition)} - set(_bound(definition))


def _bound(tree: Tree) -> Iterator[str]:
    match tree:
        case Parameter(name=name) | Param(name=name) | Noise(name=name) | State(name=name):
            yield name
        case Assign(targets=targets):
            yield from (target.name for target in targets)
    for part in children(tree):
        yield from _bound(part)


def source_text(made: Compilation) -> str:
    """The data of `train`; from where the command line says, if it does."""
    assert made.module.train is not None, "looked at before"
    tree = next(
        d
        for d in made.tree.declarations
        if isinstance(d, Data) and d.name == made.module.train.data
    )
    source = next(d for d in made.module.data if d.name == tree.name)
    if source.place:
        return f"{tree.span.text}\n"
    fields = ", ".join(field.span.text for field in tree.fields)
    named = [f"{name} = {_plain(value)}" for name, value in source.keywords.items()]
    arguments = ", ".join([*map(_plain, source.arguments), *named])
    return f"data {tree.name}({fields}) = {source.function}({arguments})\n"


def _plain(value: object) -> str:
    """An argument of a data source, or a constant."""
    if isinstance(value, Keyword):
        return value.name
    if isinstance(value, StaticText):
        return f'"{value.value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
