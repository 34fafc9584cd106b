"""Operators that work along one axis and that the language calls by their names.

One class tells the front half everything: operands are the parameters of `infer`, settings the
fields (an `axis`, the last where none is said; a flag, false where it is not), so that a spec can
call it and the derived program print it.  What the back half needs is a row of
`compiler/printing/row_kernel_table.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import ClassVar

from gradc_compiler.graph.op import Op
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True)
class Structured(Op):
    """Base of the operators along one axis, which is the last unless it is a field."""

    row_major: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ()  # operands that are labels

    @classmethod
    def operands(cls) -> tuple[str, ...]:
        """The names of its operands, in order."""
        return tuple(inspect.signature(cls.infer).parameters)[1:]

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """The names of what the language may set, in order: `pair` is the compiler's own."""
        return tuple(f.name for f in fields(cls) if f.name != "pair")

    @classmethod
    def required(cls) -> int:
        """How many of both a call must give: not an axis, nor what has a default."""
        needed = [f for f in fields(cls) if f.default is MISSING and f.name != "axis"]
        return len(cls.operands()) + len(needed)

    def spelled(self, names: Sequence[str]) -> str:
        """`cumsum(v3, axis = 0, backwards = true)`; flags that are not set are not told."""
        told = ((name, getattr(self, name)) for name in self.settings())
        given = (f"{k} = {str(v).lower()}" for k, v in told if v is not False)
        return f"{self.name}({', '.join([*names, *given])})"
