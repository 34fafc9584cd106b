"""Operators by name: what lets a `Value` do arithmetic and the text form be parsed.

`compiler/ops` fills the table; nothing else writes to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.ops.base import Op

OPS: dict[str, type[Op]] = {}


def register(cls: type[Op]) -> type[Op]:
    """Class decorator: file an operator under its name."""
    assert cls.name not in OPS, f"operator {cls.name} is registered twice"
    OPS[cls.name] = cls
    return cls
