"""Constants of a file: `let hidden = 64`, which every body of the file reads by name.

They are evaluated one after another before anything else, so a constant may be made of those above
it.  The spec that is run takes their values from the command line where it says so; a file that is
imported keeps its own to itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.models.settings import SETTINGS
from gradc_compiler.elaborate.names.library import SourceModule, prelude
from gradc_compiler.elaborate.names.problems import (
    ErrorAlreadyReported,
    SpecError,
    diagnose,
    require_sound,
)
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import (
    POISON,
    Keyword,
    Sizes,
    StaticText,
    StaticValue,
    is_number,
)
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.syntax.grammar.tree import Let

KINDS = {bool: "`true` or `false`", StaticText: "a text", Keyword: "a word", Sizes: "sizes"}
NUMBER = "a number"


def check_lets(unit: SourceModule, session: ElaborationContext) -> None:
    """E0202 for constants that an import brings too, E0203 for names of the prelude and settings.

    `check_names` looks at what the file itself declares twice.
    """
    for let in unit.lets():
        imported = unit.imported.get(let.name)
        if imported is not None:
            message, here = f"`{let.name}` is defined twice", imported.definition.name_span
            session.problems.add(
                diagnose("E0202", message, let.name_span, secondary=[(here, "imported from here")])
            )
        elif let.name in prelude().places or let.name in SETTINGS:
            what = "the prelude" if let.name in prelude().places else "a setting of training"
            message, hint = f"`{let.name}` is a name of {what}", f"call it my_{let.name}"
            session.problems.add(diagnose("E0203", message, let.name_span, hint=hint))


def evaluate_lets(units: Iterable[SourceModule], session: ElaborationContext) -> None:
    """The values of all constants; those of the spec itself as they are set from outside."""
    for unit in units:
        for let in unit.lets():
            if let.name in unit.constants:  # said before: it is defined twice
                continue
            scope = Scope(session.run(), unit, session.registry.names.root(let.name))
            try:
                meaning = _constant(let, scope)
                if unit is session.unit and let.name in session.overrides:
                    meaning = _replaced(let, meaning, session, scope)
            except (SpecError, ErrorAlreadyReported) as fault:
                meaning = POISON
                if isinstance(fault, SpecError):
                    session.problems.add(fault.diagnostic)
            unit.constants[let.name] = meaning


def _constant(let: Let, scope: Scope) -> StaticValue:
    """What the expression of a constant means; E0403 where that is not known while compiling."""
    meaning = scope.evaluate(let.value)
    require_sound(meaning)
    if _kind(meaning) is None:
        raise scope.fault(
            "E0403",
            f"a constant is a number, sizes, a text, `true` or `false`; `{let.name}` is"
            f" {describe(meaning)}",
            let.value.span,
        )
    return meaning


def _kind(meaning: StaticValue) -> str | None:
    """What a constant is, in words; None for what is none."""
    if isinstance(meaning, Sizes) and not all(map(is_number, meaning)):
        return None
    return KINDS.get(type(meaning), NUMBER if is_number(meaning) else None)


def _replaced(
    let: Let, meaning: StaticValue, session: ElaborationContext, scope: Scope
) -> StaticValue:
    """The value that is set from outside; E0403 where it is of another kind."""
    given = session.overrides[let.name]
    if not is_number(meaning) or (isinstance(meaning, bool) and given not in (0, 1)):
        raise scope.fault(
            "E0403",
            f"`{let.name}` is {_kind(meaning)}, got {given}",
            let.name_span,
            "set from outside",
            hint="numbers can be set from outside, and 0 or 1 for `false` or `true`",
        )
    session.used_overrides.add(let.name)
    return bool(given) if isinstance(meaning, bool) else given


def require_one_meaning(session: ElaborationContext, scope: Scope, span: Span) -> None:
    """E0408 for what is set from outside and is a constant and a setting of an optimizer too."""
    for let in session.unit.lets():
        if let.name in session.overrides and let.name in session.known_overrides:
            raise scope.fault(
                "E0408",
                f"`{let.name}`, which is set from outside, is a constant and a setting of the"
                " optimizer",
                span,
                secondary=[(let.name_span, "the constant")],
                hint=f"give the constant another name, such as the_{let.name}",
            )
