"""What an expression means, in the words of a message, and its type."""

from __future__ import annotations

from typing import Any

from gradc_compiler.elaborate.names.values import (
    Builtin,
    Compound,
    Defined,
    Duration,
    Keyword,
    Layer,
    ParameterGroup,
    Partial,
    Sizes,
    StaticText,
    StaticValue,
    is_number,
)
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import TensorType


def type_of(meaning: StaticValue) -> TensorType | tuple[Any, ...] | None:
    """The type of a graph value, a number, or a tuple of them; None for anything else."""
    match meaning:
        case Value():
            return meaning.type
        case int() | float() | Duration():
            return TensorType()
        case Sizes():
            return None
        case tuple():
            parts = tuple(type_of(item) for item in meaning)
            return None if None in parts else parts
        case _:
            return None


def show_type(type: TensorType | tuple[Any, ...]) -> str:
    """A type as the language writes it."""
    if isinstance(type, TensorType):
        return str(type)
    return f"({', '.join(show_type(part) for part in type)})"


def describe(meaning: StaticValue) -> str:
    """What a meaning is, for messages: `[28, 28, 1]`, `the number 3`, `the layer dense`."""
    match meaning:
        case bool():
            return f"`{str(meaning).lower()}`"
        case int() | float():
            return f"the number {meaning}"
        case Keyword(name=name):
            return f"the word `{name}`"
        case StaticText():
            return "a text"
        case Sizes():
            return f"the sizes [{', '.join(map(_plain, meaning))}]"
        case Defined(definition=definition):
            return f"the {definition.kind} `{definition.name}`"
        case Layer(defined=defined):
            return f"the {defined.definition.kind} `{defined.definition.name}`"
        case Builtin(name=name):
            return f"the function `{name}`"
        case Compound() | Partial():
            return "a layer"
        case Duration(time=time):
            return f"the length of `{time}`"
        case ParameterGroup(path=path):
            return f"the parameters of `{path}`"
    type = type_of(meaning)
    return show_type(type) if type is not None else "a tuple"


def _plain(item: StaticValue) -> str:
    return str(item) if is_number(item) else describe(item)
