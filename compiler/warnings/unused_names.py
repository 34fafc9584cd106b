"""What has a name that nobody reads: values, definitions, settings, whole models."""

from __future__ import annotations

from collections.abc import Iterator

from gradc_compiler.elaborate import Module
from gradc_compiler.syntax.grammar.check_tree import children
from gradc_compiler.syntax.grammar.tree import (
    Assign,
    Declaration,
    Definition,
    Derivative,
    Name,
    NameType,
    Parameter,
    Rest,
    Shape,
    Train,
    Tree,
)
from gradc_compiler.syntax.parse.training_words import in_train
from gradc_compiler.warnings.step_view import FoundWarning


def unused_names(module: Module) -> Iterator[FoundWarning]:
    """A value or a setting of a body, a constant, or a definition of a file that is run."""
    declarations = module.unit.declarations
    for declaration in declarations:
        if isinstance(declaration, Definition | Derivative | Train):
            yield from _unused_values(declaration)
        if isinstance(declaration, Definition):
            yield from _unused_settings(declaration)
    yield from _unused_constants(module)
    if any(isinstance(one, Train) for one in declarations):  # else others may import it
        yield from _unused_definitions(module)


def _unused_values(owner: Definition | Derivative | Train) -> Iterator[FoundWarning]:
    for statement in _statements(owner):
        if not isinstance(statement, Assign):
            continue
        for target in statement.targets:
            if not target.name.startswith("_") and not _is_read(target, owner):
                yield FoundWarning(
                    span=target.span,
                    message=f"nothing reads `{target.name}`",
                    hint=_as_a_setting(target, statement, owner)
                    or "use it, or leave it out; `_` says that a part is not wanted",
                )


def _as_a_setting(target: Name, statement: Assign, owner: Tree) -> str | None:
    """How a training says what is meant by `batch_size = 32`."""
    if not isinstance(owner, Train):
        return None
    return in_train(target.name, statement.value.span.text)


def _statements(owner: Tree) -> Iterator[Tree]:
    """The statements of a body, and of the steps within it."""
    for part in children(owner):
        yield part
        if not isinstance(part, Assign):
            yield from _statements(part)


def _is_read(target: Name, owner: Tree) -> bool:
    """Whether a name stands anywhere in a body besides where it is given."""
    return any(part.name == target.name and part.span != target.span for part in _names(owner))


def _names(tree: Tree) -> Iterator[Name | NameType | Rest]:
    pending = [tree]
    for part in pending:
        if isinstance(part, Name | NameType | Rest):
            yield part
        pending += children(part)


def _unused_settings(definition: Definition) -> Iterator[FoundWarning]:
    if definition.kind in ("model", "schedule"):
        return
    read = {part.name.removesuffix("'") for part in _names(definition)}
    for setting in definition.settings:
        if setting.name not in read and not _binds_names(setting, read):
            yield FoundWarning(
                span=setting.name_span,
                message=f"`{definition.name}` never reads its setting `{setting.name}`",
                hint="use it, or leave it out",
            )


def _binds_names(setting: Parameter, read: set[str]) -> bool:
    """Whether a setting gives names to its sizes, such as `kernel : [kh, kw]`."""
    if not isinstance(setting.type, Shape):
        return False
    return any(part.name in read for part in _names(setting.type))


def _unused_constants(module: Module) -> Iterator[FoundWarning]:
    for one in module.unit.lets():
        others = [other for other in module.unit.declarations if other is not one]
        if not _stands(one.name, others):
            yield FoundWarning(
                span=one.name_span,
                message=f"nothing reads the constant `{one.name}`",
                hint="use it, or leave it out",
            )


def _unused_definitions(module: Module) -> Iterator[FoundWarning]:
    declarations = module.unit.declarations
    for one in declarations:
        others = [other for other in declarations if other is not one]
        if isinstance(one, Definition) and one.kind != "model" and not _stands(one.name, others):
            yield FoundWarning(
                span=one.name_span,
                message=f"nothing uses the {one.kind} `{one.name}`",
                hint="use it, or leave it out",
            )


def _stands(name: str, declarations: list[Declaration]) -> bool:
    return any(part.name == name for one in declarations for part in _names(one))


def never_looked_at(module: Module) -> Iterator[FoundWarning]:
    """A model whose sizes are open and that nothing applies: its body was never elaborated."""
    for name in module.generic:
        defined = module.unit.find(name)
        others = [one for one in module.unit.declarations if one.span != _span(defined)]
        if defined is not None and not _stands(name, others):
            first = defined.definition.inputs[0].name if defined.definition.inputs else "x"
            yield FoundWarning(
                span=defined.definition.name_span,
                message=f"`{name}` leaves sizes open and nothing applies it, so its body has not"
                " been looked at",
                hint=f"give its input a type, such as `{first} : [4]`",
            )


def _span(defined: object) -> object:
    definition = getattr(defined, "definition", None)
    return None if definition is None else definition.span
