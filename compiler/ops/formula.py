"""A function that no library has, said once: as a formula.

A formula is a Python function of numbers; what is not arithmetic it takes from `Mathematics`.
Applied to arrays it is the operator's reference.  Applied to names (`Traced`) it writes down what
it does, as a function in the language of kernels, a statement for each operation:

    def lgamma(v0):
        v1 = v0 - 1.0
        ...
        return v9

A kernel that calls it carries this text ahead of its own (`compiler/printing/common.py`), so a CPU
and a GPU work out the same statements.  They do it in float64 whatever the run's width, rounding
once at the end: series that cancel are as good in float32 as in float64.

A formula has no branches: `select` chooses between two numbers that are both worked out.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import field
from typing import Any

import numpy as np

from gradc_compiler.graph.op import Array
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mathematics:
    """The functions that a formula may call."""

    exp: Callable[[Any], Any]
    log: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    floor: Callable[[Any], Any]
    absolute: Callable[[Any], Any]
    power: Callable[[Any, Any], Any]
    select: Callable[[Any, Any, Any], Any]


Formula = Callable[..., Any]  # of Mathematics and the operands
NUMPY = Mathematics(
    exp=np.exp, log=np.log, sin=np.sin, cos=np.cos, floor=np.floor, absolute=np.abs,
    power=np.power, select=np.where,
)  # fmt: skip


def reference_of(formula: Formula) -> Callable[..., Array]:
    """A formula on arrays of either width: worked out in float64, and rounded to that width."""

    def reference(*arrays: Array) -> Array:
        found = formula(NUMPY, *(a.astype(np.float64) for a in arrays))
        return np.asarray(found, np.result_type(*arrays, np.float32))

    return reference


def definition_of(name: str, formula: Formula) -> str:
    """A formula as the text of a function."""
    body = _Body()
    count = len(inspect.signature(formula).parameters) - 1
    operands = [body.named() for _ in range(count)]
    result = formula(body.mathematics(), *operands)
    head = f"def {name}({', '.join(x.text for x in operands)}):"
    return "\n".join([head, *(f"    {line}" for line in body.lines), f"    return {result.text}\n"])


@dataclass
class _Body:
    """The statements so far; what was worked out before is not worked out again."""

    lines: list[str] = field(default_factory=list)
    known: dict[str, Traced] = field(default_factory=dict)
    names: int = 0

    def named(self) -> Traced:
        """A new variable."""
        self.names += 1
        return Traced(self, f"v{self.names - 1}")

    def let(self, text: str) -> Traced:
        """The variable that holds what a text says."""
        if text not in self.known:
            self.known[text] = self.named()
            self.lines.append(f"{self.known[text].text} = {text}")
        return self.known[text]

    def call(self, name: str) -> Callable[..., Traced]:
        """A function that writes a call."""
        return lambda *xs: self.let(f"{name}({', '.join(map(written, xs))})")

    def mathematics(self) -> Mathematics:
        """The functions of kernels."""
        call = self.call
        return Mathematics(
            exp=call("exp"), log=call("log"), sin=call("sin"), cos=call("cos"),
            floor=call("floor"), absolute=call("abs_"), power=call("pow_"), select=call("select"),
        )  # fmt: skip


def written(x: Any) -> str:
    """An operand as text; every literal is a float."""
    return x.text if isinstance(x, Traced) else literal(float(x))


def literal(number: float) -> str:
    """A number as source: what Python prints as a name is written as a sum that has its value."""
    named = {"inf": "1e999", "-inf": "-1e999", "nan": "1e999 - 1e999"}
    return named.get(repr(number), repr(number))


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A number that is not known yet: a variable, or a comparison for `select`."""

    body: _Body
    text: str

    def __add__(self, other: Any) -> Traced:
        return self.body.let(f"{self.text} + {written(other)}")

    def __radd__(self, other: Any) -> Traced:
        return self.body.let(f"{written(other)} + {self.text}")

    def __sub__(self, other: Any) -> Traced:
        return self.body.let(f"{self.text} - {written(other)}")

    def __rsub__(self, other: Any) -> Traced:
        return self.body.let(f"{written(other)} - {self.text}")

    def __mul__(self, other: Any) -> Traced:
        return self.body.let(f"{self.text} * {written(other)}")

    def __rmul__(self, other: Any) -> Traced:
        return self.body.let(f"{written(other)} * {self.text}")

    def __truediv__(self, other: Any) -> Traced:
        return self.body.let(f"{self.text} / {written(other)}")

    def __rtruediv__(self, other: Any) -> Traced:
        return self.body.let(f"{written(other)} / {self.text}")

    def __neg__(self) -> Traced:
        return self.body.let(f"-{self.text}")

    def __lt__(self, other: Any) -> Traced:
        return Traced(self.body, f"{self.text} < {written(other)}")

    def __le__(self, other: Any) -> Traced:
        return Traced(self.body, f"{self.text} <= {written(other)}")

    def __gt__(self, other: Any) -> Traced:
        return Traced(self.body, f"{self.text} > {written(other)}")

    def __ge__(self, other: Any) -> Traced:
        return Traced(self.body, f"{self.text} >= {written(other)}")

    def __eq__(self, other: object) -> Traced:
        return Traced(self.body, f"{self.text} == {written(other)}")

    def __ne__(self, other: object) -> Traced:
        return Traced(self.body, f"{self.text} != {written(other)}")
