"""What a body gives, checked against what its definition claims."""

from __future__ import annotations

from compiler.elaborate.arithmetic import to_value
from compiler.elaborate.describing import show_type, type_of
from compiler.elaborate.matching import Mismatch, match_inside
from compiler.elaborate.problems import Silenced, require_sound
from compiler.elaborate.scope import Scope
from compiler.elaborate.sizes import known_shape, written_type
from compiler.elaborate.suggest import repair_claim
from compiler.elaborate.values import LayerLike, Meaning, Record
from compiler.source import Span
from compiler.syntax.tree import Definition, Pipe, Result, Statement, TupleType


def check_result(definition: Definition, result: Meaning | None, scope: Scope) -> Meaning:
    if result is None:
        if definition.kind == "optimizer":
            return ()
        raise scope.fault(
            "E0306",
            f"the body of `{definition.name}` gives no value",
            definition.name_span,
            hint="the last line of a body is its value",
        )
    require_sound(result)
    last = definition.body[-1]
    if definition.kind == "model" and isinstance(result, LayerLike):
        to_value(result, scope, last.span)  # which says that it is a layer
    type = type_of(result)
    if definition.result is None or type is None:
        return result
    try:
        match_inside(definition.result, type, scope)
    except Mismatch as mismatch:
        if scope.run.doubtful:
            raise Silenced from None
        because = f": {mismatch}" if str(mismatch) else ""
        wanted = written_type(definition.result, scope)
        source: list[tuple[Span, str]] = []
        other = ""
        if isinstance(last, Result):
            known = known_shape(definition.result, scope)
            source, other = repair_claim(last.value, definition.result, known, type)
        raise scope.fault(
            "E0301",
            f"`{definition.name}` claims {wanted}, but its body gives {show_type(type)}{because}",
            definition.result.span,
            "claimed here",
            secondary=[(_last_stage(last), f"this is {show_type(type)}"), *source],
            hint=f"write `-> {show_type(type)}`{other}" if not scope.unit.is_prelude else None,
        ) from None
    if isinstance(definition.result, TupleType) and isinstance(result, tuple):
        return Record.of(tuple(result), tuple(f.name for f in definition.result.fields))
    return result


def _last_stage(last: Statement) -> Span:
    """The text that gives a body its value: the last stage of a chain."""
    if not isinstance(last, Result):
        return last.span
    return last.value.right.span if isinstance(last.value, Pipe) else last.value.span
