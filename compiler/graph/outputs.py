"""What an output of a graph is: a name of its own, or a role and the name of what it is about.

The loss, and each output of a model, is known by its name.  Any other output is about something:
the next value of `W`, the gradient for `W`, a report.  Such a key is a record, `Tagged`, so that
nobody has to take a name apart.  A loop's edge backwards is an output too (`Carry`): so whatever
keeps the outputs of a graph keeps its loops closed.

A key prints as `update/W`, and `read_key` reads the text form of a graph back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Role(StrEnum):
    """What an output is of the thing that it is about."""

    UPDATE = "update"  # the next value of what persists
    GRADIENT = "gradient"  # of the loss, by a parameter
    REPORT = "report"  # a number of a step that is shown
    ADJOINT = "adjoint"  # the derivative of the loss by a recurrence's state
    PREDICTION = "prediction"  # what a loss compares a field with
    SETTING = "setting"  # a computed setting of an optimizer, by its number
    TANGENT = "tangent"  # how an output moves along a direction
    EVALUATED = "evaluate"  # the same output in evaluation mode, beside that of training


class Tagged(NamedTuple):
    """An output with a role: `Tagged(Role.UPDATE, "f.W")` is the next value of `f.W`."""

    role: Role
    about: str

    def __str__(self) -> str:
        return f"{self.role.value}/{self.about}"


class Carry(NamedTuple):
    """What a recurrence hands from each step to the next, by the number of its loop."""

    loop: int

    def __str__(self) -> str:
        return f"carry/{self.loop}"


OutputKey = str | Tagged | Carry


def is_of(role: Role, key: OutputKey) -> bool:
    """Whether an output has this role."""
    return isinstance(key, Tagged) and key.role is role


def of_role(role: Role, outputs: Mapping[OutputKey, T]) -> dict[str, T]:
    """The outputs of a role, by the names of what they are about."""
    return {
        key.about: value
        for key, value in outputs.items()
        if isinstance(key, Tagged) and key.role is role
    }


def with_role(role: Role, values: Mapping[str, T]) -> dict[OutputKey, T]:
    """Values by name, as outputs of a role."""
    return {Tagged(role, name): value for name, value in values.items()}


def read_key(text: str) -> OutputKey:
    """The key that prints as this text."""
    kind, slash, about = text.partition("/")
    if not slash:
        return text
    return Carry(int(about)) if kind == "carry" else Tagged(Role(kind), about)
