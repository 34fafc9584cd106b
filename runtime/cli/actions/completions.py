"""What `--set` may change in a spec, as a shell proposes it while the word is typed.

The text is only parsed, so that the answer is there at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.models.settings import SETTINGS
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Call, Expr, File, Let, Name, Setting, Tree, Using
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source


def settings_of(spec: Path) -> dict[str, str]:
    """Each setting and constant of a spec with the value it has there, or "" where it has none.

    Empty where the file cannot be read or parsed: a shell shows no errors.
    """
    try:
        tree = parse(read_source(spec))
    except (CompileError, OSError):
        return {}
    return dict(_constants(tree)) | dict.fromkeys(SETTINGS, "") | dict(_in_training(tree))


def _constants(file: File) -> Iterator[tuple[str, str]]:
    for one in file.declarations:
        if isinstance(one, Let):
            yield one.name, one.value.span.text


def _in_training(tree: Tree) -> Iterator[tuple[str, str]]:
    """Settings of the training, and those of its optimizers."""
    pending = [tree]
    for part in pending:
        if isinstance(part, Setting):
            yield part.name, part.value.span.text
        elif isinstance(part, Using):
            for item in part.items:
                yield from _of_an_optimizer(item)
        pending += children(part)


def _of_an_optimizer(item: Expr | Setting) -> Iterator[tuple[str, str]]:
    """Its settings by their defaults, then as they are given."""
    called = item.function if isinstance(item, Call) else item
    known = prelude().find(called.name) if isinstance(called, Name) else None
    if known is None or known.definition.kind != "optimizer":
        return
    for setting in known.definition.settings:
        yield setting.name, setting.default.span.text if setting.default is not None else ""
    for argument in item.arguments if isinstance(item, Call) else ():
        if argument.name is not None:
            yield argument.name, argument.value.span.text
