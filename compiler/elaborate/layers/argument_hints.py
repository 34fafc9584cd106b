"""What to do where an argument does not fit: hints that look at what is wanted and given."""

from __future__ import annotations

import re

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import LayerLike, StaticValue
from gradc_compiler.elaborate.types.fixits import fits, rank_of, reshaped
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import (
    ClassType,
    Definition,
    NameType,
    Parameter,
    TypeExpr,
)

LAST = re.compile(r"\[\s*-\s*1\s*\]\s*\|>\s*$")  # before a stage: the last of what is indexed
NUMBER = re.compile(r"\s*,\s*(\d+)\b")


@dataclass(frozen=True)
class Given:
    """An input: its parameter, what is given for it, and where."""

    parameter: Parameter
    meaning: StaticValue
    span: Span


def channels_left_out(definition: Definition, meaning: StaticValue, span: Span) -> str:
    """A hint where three numbers are given as `Conv2d(in, out, kernel)` takes them."""
    following = NUMBER.match(span.source.text, span.end)
    if definition.name != "conv" or following is None:
        return ""
    mend = f"conv({meaning}, {following[1]}x{following[1]})"
    return f"the channels of its input are not written: `{mend}` has {meaning} filters"


def _layer_among_settings(definition: Definition, parameter: Parameter) -> str:
    """A hint for a layer given as an input: it is a setting, and stands in the first brackets."""
    kind, name = definition.kind, definition.name
    rest = ", ".join(p.name for p in definition.inputs if p is not parameter) or "x"
    return f"a layer goes among the settings: {kind} {name}({parameter.name} : layer)({rest})"


def hint_for_input(definition: Definition, new: Given, type: object, inner: Scope) -> str | None:
    """How to make what is given into what is wanted."""
    wanted = new.parameter.type
    assert wanted is not None, "called for typed inputs"
    if isinstance(new.meaning, LayerLike) and _is_layer(wanted):
        return _layer_among_settings(definition, new.parameter)
    if not isinstance(type, TensorType):
        return None
    if type.time is not None and LAST.search(new.span.source.text[: new.span.start]):
        return "`|> last` is the last element of a sequence; `[-1]` is the last number of each"
    if type.kind is Kind.INDEX and isinstance(wanted, ClassType):
        return f"class({type.classes}) goes with {type.classes} numbers, one for each label"
    if type.kind is Kind.INDEX:
        if any(isinstance(p.type, ClassType) for p in definition.inputs if p is not new.parameter):
            names = ", ".join(p.name for p in definition.inputs)
            return f"the order is {definition.name}({names})"
        text = new.span.text if new.span.text.isidentifier() else "label"
        one_hot = f"one_hot({text}, {type.classes or 'k'})"
        if type.classes == 2 and _expected(wanted, inner) == TensorType():
            return f"`{one_hot}[1]` is the number 0 or 1; a field may be declared scalar as well"
        return f"{one_hot} makes a vector of a label"
    if isinstance(wanted, ClassType):
        return f"declare the field as class({type.shape[-1] if type.shape else 'k'})"
    expected = _expected(wanted, inner)
    return _with_batch(wanted, expected, type, reshaped(wanted, expected, type))


def _with_batch(
    wanted: TypeExpr, expected: object, type: TensorType, hint: str | None
) -> str | None:
    """The hint, and what there is to say where an axis too many may be the batch."""
    rank = rank_of(wanted, expected)
    size, *rest = type.shape or (1,)
    if rank is None or type.rank != rank + 1 or type.time is not None:
        return hint
    if size in rest or not fits(wanted, rest):  # a square, or an axis too many at its end
        return hint
    said = f"if {size} is the batch, leave it out: everything is said of one example"
    return f"{hint}; {said}" if hint else said


def _expected(wanted: TypeExpr, inner: Scope) -> object:
    """The type that a name stands for, once an earlier input has bound it."""
    return inner.names.get(wanted.name) if isinstance(wanted, NameType) else None


def _is_layer(type: TypeExpr) -> bool:
    return isinstance(type, NameType) and type.name == "layer"
