"""Names of outputs that have a role: `update/W` is the next value of W, `gradient/W` its gradient.

A graph, and the entry made of it, name their outputs by text, so that graphs print and parse.  What
such a name means is known here alone: a role and the name of what it is about.  An output without a
role is a loss or the output of a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Role(Enum):
    """What an output is of the thing that it is named after."""

    UPDATE = "update"  # the next value of what persists
    GRADIENT = "gradient"  # of the loss, by a parameter
    REPORT = "report"  # a number of a step that is shown
    ADJOINT = "adjoint"  # the derivative of the loss by a recurrence's state
    SETTING = "setting"  # a computed setting of an optimizer, by number


def output_name(role: Role, name: object) -> str:
    """The name of an output: `update/W`."""
    return f"{role.value}/{name}"


def named(role: Role, text: str) -> str | None:
    """What an output of this role is about; None where the name is that of another output."""
    prefix = output_name(role, "")
    return text.removeprefix(prefix) if text.startswith(prefix) else None


def of_role(role: Role, outputs: Mapping[str, T]) -> dict[str, T]:
    """The outputs of a role, by the names of what they are about."""
    found = {named(role, text): value for text, value in outputs.items()}
    return {name: value for name, value in found.items() if name is not None}
