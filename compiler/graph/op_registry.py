"""Operators by name: what lets a `Value` do arithmetic and the text form be parsed.

`compiler/ops` fills the table; nothing else writes to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from gradc_compiler.graph.op import Op

OPS: dict[str, type[Op]] = {}
C = TypeVar("C", bound="Op")


def constant_op(value: float, shape: tuple[int, ...]) -> Op:
    """The operator that fills a shape with a number."""
    make: Callable[..., Op] = OPS["constant"]
    return make(value=value, shape=shape)


def register(cls: type[C]) -> type[C]:
    """Class decorator: file an operator under its name."""
    assert cls.name not in OPS, f"operator {cls.name} is registered twice"
    OPS[cls.name] = cls
    return cls
