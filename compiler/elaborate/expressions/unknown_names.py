"""Names that mean nothing where they stand, and what their author may have meant."""

from __future__ import annotations

from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.aliases import MODULES
from gradc_compiler.elaborate.names.problems import SpecError, behind_a_dot, of_another_framework
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Keyword, StaticValue
from gradc_compiler.elaborate.types.fixits import size_of_result
from gradc_compiler.syntax.grammar.tree import Attribute, Name

WORDS: dict[str, StaticValue] = {
    "true": True,
    "false": False,
    "same": Keyword("same"),
    "valid": Keyword("valid"),
}
COMMENT = "//"  # that of other languages


def known_names(scope: Scope) -> set[str]:
    """Every name that means something here."""
    return {*scope.names, *scope.unit.known(), *BUILTINS, *WORDS, "training"}


def unknown_name(tree: Name, scope: Scope) -> SpecError:
    """E0201 for a name that has no meaning here, and what may have been meant."""
    name = tree.name
    if name.endswith("'"):
        return scope.fault(
            "E0201", f"`{name}` is not set yet", tree.span, hint=f"{name} = ... sets it"
        )
    open_size = size_of_result(name, scope.chain[-1]) if scope.chain else None
    others, hint = [], of_another_framework(name, known_names(scope))
    if open_size is not None:
        others = [(open_size, "no input gives this size")]
        hint = f"make it a setting: {scope.chain[-1].name}({name} : size)(...)"
    elif tree.span.source.text[: tree.span.start].rstrip(" ").endswith(COMMENT):
        hint = f"a comment begins with `#`: write `# {name}`"
    message = f"`{name}` is not defined"
    return scope.fault("E0201", message, tree.span, "not found", secondary=others, hint=hint)


def require_no_module(tree: Attribute, scope: Scope) -> None:
    """Refuse `nn.Linear` and its kin.

    Raises `SpecError`, with E0201.
    """
    base = tree.base
    if isinstance(base, Name) and base.name.lower() in MODULES:
        known = known_names(scope)
        if base.name not in known and scope.unit.find(base.name) is None:
            hint = behind_a_dot(base.name, tree.name, known)
            message = f"`{base.name}` is not defined"
            raise scope.fault("E0201", message, base.span, "not found", hint=hint)
