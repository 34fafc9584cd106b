"""Names that mean nothing where they stand, and what their author may have meant."""

from __future__ import annotations

from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.names.aliases import MODULES
from gradc_compiler.elaborate.names.problems import SpecError, behind_a_dot, of_another_framework
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Defined, Keyword, StaticValue
from gradc_compiler.elaborate.types.fixits import size_of_result
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.syntax.grammar.tree import Attribute, Expr, Name

WORDS: dict[str, StaticValue] = {
    "true": True,
    "false": False,
    "same": Keyword("same"),
    "valid": Keyword("valid"),
}
COMMENTS = ("//", "--")  # those of other languages


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
    elif tree.span.source.text[: tree.span.start].rstrip(" ").endswith(COMMENTS):
        hint = f"a comment begins with `#`: write `# {name}`"
    hint = hint or _seen_elsewhere(name, scope) or _without_a_model(tree, scope)
    message = f"`{name}` is not defined"
    return scope.fault("E0201", message, tree.span, "not found", secondary=others, hint=hint)


def _seen_elsewhere(name: str, scope: Scope) -> str | None:
    """A hint for a name of the body that applies this definition: it is not seen in here."""
    *outer, inner = scope.chain or [None]
    given = {p.name for one in outer if one is not None for p in (*one.inputs, *one.settings)}
    if inner is None or name not in given:
        return None
    return f"a {inner.kind} sees what it is given alone: make `{name}` an input of `{inner.name}`"


def _without_a_model(tree: Name, scope: Scope) -> str | None:
    """A hint for the network that a training applies, in a file that declares none."""
    applied = tree.span.source.text[tree.span.end :].lstrip(" ").startswith("(")
    if scope.chain or not applied or any(map(_is_model, map(scope.unit.find, scope.unit.known()))):
        return None
    return f"this file has no model: declare `model {tree.name}(x : [4]) -> [3] {{ ... }}`"


def _is_model(defined: Defined | None) -> bool:
    return defined is not None and defined.is_model


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


def require_not_hidden(tree: Expr, meaning: StaticValue, scope: Scope) -> None:
    """Refuse to apply a number whose name a definition bears too, which cannot be seen here.

    Raises `SpecError`, E0306.
    """
    if not isinstance(tree, Name) or not isinstance(meaning, Value):
        return
    hidden = scope.unit.find(tree.name)
    if hidden is None and tree.name not in BUILTINS:
        return
    kind = "function" if hidden is None else hidden.definition.kind
    raise scope.fault(
        "E0306", f"`{tree.name}` is {describe(meaning)} here, and hides the {kind} of that name",
        tree.span, hint="give one of the two another name",
    )  # fmt: skip
