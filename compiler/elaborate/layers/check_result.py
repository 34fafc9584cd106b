"""What a body gives, checked against what its definition claims."""

from __future__ import annotations

from typing import Any

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import LayerLike, Record, Sizes, StaticValue
from gradc_compiler.elaborate.types.fixits import product_instead, repair_claim
from gradc_compiler.elaborate.types.show_types import show_type, type_of
from gradc_compiler.elaborate.types.sizes import known_shape, written_type
from gradc_compiler.elaborate.types.time_hints import parts_of_elements
from gradc_compiler.elaborate.types.unify import Mismatch, match_inside
from gradc_compiler.graph.types import TensorType
from gradc_compiler.syntax.grammar.tree import (
    Definition,
    Pipe,
    ResultStmt,
    Statement,
    TupleType,
    TypeExpr,
)


def check_result(definition: Definition, result: StaticValue | None, scope: Scope) -> StaticValue:
    """What a body gives; E0306 where that is nothing, E0301 where another type is claimed.

    Raises `SpecError` (E0306, E0301), or `ErrorAlreadyReported` where the cause has been said.
    """
    if result is None:
        if definition.kind == "optimizer":
            return ()
        message = f"the body of `{definition.name}` gives no value"
        hint = "the last line of a body is its value"
        raise scope.fault("E0306", message, definition.name_span, hint=hint)
    require_sound(result)
    last = definition.body[-1]
    if definition.kind == "model" or definition.result is not None:
        result = as_tensors(result, scope, last.span)
    if definition.kind == "model" and isinstance(result, LayerLike):
        to_value(result, scope, last.span)  # which says that it is a layer
    type = type_of(result)
    if definition.result is None or type is None:
        return result
    return _of_claim(definition, definition.result, result, type, scope)


def _of_claim(
    definition: Definition,
    claim: TypeExpr,
    result: StaticValue,
    type: TensorType | tuple[Any, ...],
    scope: Scope,
) -> StaticValue:
    """The result, of the type that is claimed and with its names; E0301 where it is another."""
    try:
        match_inside(claim, type, scope)
    except Mismatch as mismatch:
        if scope.run.doubtful:
            raise ErrorAlreadyReported from None
        raise _wrong_claim(definition, claim, type, mismatch, scope) from None
    if isinstance(claim, TupleType) and isinstance(result, tuple):
        return Record.of(tuple(result), tuple(f.name for f in claim.fields))
    return result


def as_tensors(result: StaticValue, scope: Scope, span: Span) -> StaticValue:
    """A result in which numbers in brackets, `[1, 2]`, have become tensors, in tuples too."""
    match result:
        case Sizes():
            return to_value(result, scope, span)
        case Record(names=names):
            return Record.of(tuple(as_tensors(part, scope, span) for part in result), names)
        case tuple():
            return tuple(as_tensors(part, scope, span) for part in result)
    return result


def _wrong_claim(
    definition: Definition,
    claim: TypeExpr,
    type: TensorType | tuple[Any, ...],
    mismatch: Mismatch,
    scope: Scope,
) -> SpecError:
    """E0301: a body gives another type than its definition claims."""
    last, gives = definition.body[-1], show_type(type)
    because = f": {mismatch}" if str(mismatch) else ""
    source, other = _mend(last, claim, type, scope)
    return scope.fault(
        "E0301",
        f"`{definition.name}` claims {written_type(claim, scope)}, but its body gives"
        f" {gives}{because}",
        claim.span,
        "claimed here",
        secondary=[(_last_stage(last), f"this is {gives}"), *source],
        hint=f"write `-> {gives}`{other}" if not scope.unit.is_prelude else None,
    )


def _mend(
    last: Statement, claim: TypeExpr, type: TensorType | tuple[Any, ...], scope: Scope
) -> tuple[list[tuple[Span, str]], str]:
    """Where a wrong size comes from, and the tail of a hint."""
    if not isinstance(last, ResultStmt):
        return [], ""
    wanted = known_shape(claim, scope)
    source, other = repair_claim(last.value, claim, wanted, type)
    other = other or product_instead(last.value, wanted, type)
    return source, other + parts_of_elements(last.value, scope)


def _last_stage(last: Statement) -> Span:
    """The text that gives a body its value: the last stage of a chain."""
    if not isinstance(last, ResultStmt):
        return last.span
    return last.value.right.span if isinstance(last.value, Pipe) else last.value.span
