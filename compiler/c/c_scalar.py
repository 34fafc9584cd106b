"""Expressions of nests as C, and the functions that C has not, in C."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gradc_compiler.c.c_helpers import FUNCTIONS, HELPERS, NEEDS
from gradc_compiler.emitted.scalar_writer import (
    OF_SIGN,
    WHOLE,
    NotPrinted,
    ScalarWriter,
    Text,
    formula_of,
    is_of_library,
    within,
)
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Variable
from gradc_compiler.records.fast_dataclass import dataclass

LIBRARY = {"abs_": "fabs", "pow_": "pow", "floor": "floor"}  # otherwise called, or no operator
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class CScalars(ScalarWriter):
    """Prints expressions for numbers of a width."""

    @property
    def real(self) -> str:
        """The type of a number."""
        return "float" if self.word == 4 else "double"

    @property
    def whole(self) -> str:
        """The type of a whole number in an array."""
        return "int32_t" if self.word == 4 else "int64_t"

    def literal(self, number: float) -> str:
        """A number."""
        if not np.isfinite(number):
            return "NAN" if np.isnan(number) else f"{'-' if number < 0 else ''}INFINITY"
        if self.word == 8:
            return repr(float(number))
        return f"{float(str(np.float32(number)))!r}f"

    def converted(self, kind: str, value: Text) -> str:
        """A value as `real`, `wide` or `index`."""
        type = {"real": self.real, "wide": "double", "index": "int32_t"}[kind]
        return f"({type}){within(value, WHOLE)}"

    def choice(self, chosen: str, a: str, b: str) -> str:
        """a where `chosen` holds, else b."""
        return f"{chosen} ? {a} : {b}"

    def called(self, op: str, given: Sequence[str]) -> Text:
        """A function; raises `NotPrinted` for one that has no C yet."""
        if op in LIBRARY or (op not in HELPERS and is_of_library(op)):
            return f"{self.function(LIBRARY.get(op, op))}({', '.join(given)})", WHOLE
        if op.startswith("philox"):
            given = [f"(uint32_t)({text})" for text in given]
        if op in HELPERS:
            return f"{op}({', '.join(given)})", WHOLE
        if formula_of(op):
            return f"({self.real}){op}_formula({', '.join(given)})", OF_SIGN
        raise NotPrinted(f"{op} has no C yet")

    def function(self, name: str) -> str:
        """A function of the C library, of numbers of this width."""
        return f"{name}f" if self.word == 4 else name

    def helpers(self, called: Iterable[str]) -> Iterator[str]:
        """The functions that expressions call and C has not."""
        wanted = set(called)
        wanted |= {needed for name in wanted for needed in NEEDS.get(name, ())}
        for name, text in HELPERS.items():
            if name in wanted:
                for plain in FUNCTIONS:
                    text = text.replace(f"{plain.upper()}(", f"{self.function(plain)}(")
                yield f"static {text.replace('REAL', self.real).replace('WHOLE', self.whole)}"
        for name in sorted(wanted - HELPERS.keys() - LIBRARY.keys()):
            formula = formula_of(name)
            if formula:
                yield formula_text(name, formula)


def formula_text(name: str, text: str) -> str:
    """A formula as a C function of float64: each line is one operation."""
    head, *lines = text.strip().splitlines()
    operands = head[head.index("(") + 1 : head.index(")")].split(", ")
    result = lines[-1].removeprefix("    return ")
    body, needed = [f"    return {result};"], {*WORD.findall(result)}
    for line in reversed(lines[:-1]):
        target, _, value = line.strip().partition(" = ")
        if target in needed:  # C compilers complain of what nobody reads
            needed |= {*WORD.findall(value)}
            body.insert(0, f"    const double {target} = {in_c(value)};")
    given = ", ".join(f"double {operand}" for operand in operands)
    return "\n".join([f"static double {name}_formula({given}) {{", *body, "}"])


def in_c(value: str) -> str:
    """One operation of a formula: what is called otherwise in C, and choices."""
    value = value.replace("abs_(", "fabs(").replace("pow_(", "pow(").replace("1e999", "INFINITY")
    if value.startswith("select("):
        chosen, a, b = value[len("select(") : -1].split(", ")
        return f"{chosen} ? {a} : {b}"
    return value


def variable_type(variable: Variable, real: str) -> str:
    """The C type of what a load or a statement gives."""
    return "int32_t" if variable.kind is Kind.INDEX else real
