"""A product that rounds its operands to bfloat16 itself: a form that kernels of a CPU like.

The `round-in-products` rewrite makes it of a contraction of two roundings, after all else; so it
has no derivative, and is not filed with the operators that graphs are written in.
"""

from __future__ import annotations

from typing import ClassVar

from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import Array
from gradc_compiler.ops import bfloat16
from gradc_compiler.ops.contract import Contract
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True)
class RoundedContract(Contract):
    """Sum of products of operands, each rounded to bfloat16."""

    name: ClassVar[str] = "rounded_contract"

    def vjp(self, g: Value, y: Value, *xs: Value) -> list[Value | None]:
        raise AssertionError("differentiate before forms are made for a target")

    def reference(self, *arrays: Array) -> Array:
        return Contract.reference(self, *map(bfloat16.rounded, arrays))
