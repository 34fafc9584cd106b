"""`validate on v`: data of their own that a network is measured on, and not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.models.settings import VALIDATE
from gradc_compiler.elaborate.names.problems import did_you_mean
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.graph.types import TensorType
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import Name, Setting, Train, Tree

Fields = tuple[tuple[str, TensorType, Span], ...]


def validation_of(train: Train, data: Mapping[str, Fields | None], scope: Scope) -> str | None:
    """The data that a train block validates on; None where it names none.

    Raises `SpecError` for a name that is no data, or for data of other fields.
    """
    found = None
    for setting in _settings(train):
        if setting.name != VALIDATE:
            continue
        found = setting.value.name if isinstance(setting.value, Name) else ""
        if found not in data:
            raise scope.fault(
                "E0608",
                f"there is no data `{setting.value.span.text}`",
                setting.value.span,
                hint=did_you_mean(found, data) or "`validate on v` names a `data v(...)`",
            )
        _require_alike(train, data, setting, scope)
    return found


def _require_alike(
    train: Train, data: Mapping[str, Fields | None], setting: Setting, scope: Scope
) -> None:
    """Refuse data that lack a field of the training data, or have it with another type."""
    other = setting.value.span.text
    types = {name: type for name, type, _ in data[other] or ()}
    for name, type, span in data[train.data.name] or ():
        if types and types.get(name) != type:
            has = f"has it as {types[name]}" if name in types else "has none"
            raise scope.fault(
                "E0302",
                f"`{train.data.name}` has a field {name} : {type}, and `{other}` {has}",
                setting.value.span,
                secondary=[(span, "this field")],
                hint="declare both with the same fields",
            )


def _settings(train: Train) -> Iterator[Setting]:
    pending: list[Tree] = [*train.body]
    for part in pending:
        if isinstance(part, Setting):
            yield part
        else:
            pending += children(part)
