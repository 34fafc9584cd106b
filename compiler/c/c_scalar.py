"""Expressions of nests as C, and the functions that C has not, in C."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gradc_compiler.c.c_helpers import FUNCTIONS, HELPERS, NEEDS
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, Scalar, ScalarConstant, Variable
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.records.fast_dataclass import dataclass

CHOICE, EITHER, EQUAL, LESS, SUM, PRODUCT, OF_SIGN, WHOLE = range(8)  # how tightly signs bind
SIGNS = {
    "|": ("||", EITHER),
    "==": ("==", EQUAL),
    "!=": ("!=", EQUAL),
    "<": ("<", LESS),
    "<=": ("<=", LESS),
    ">": (">", LESS),
    ">=": (">=", LESS),
    "+": ("+", SUM),
    "plus": ("+", SUM),
    "-": ("-", SUM),
    "*": ("*", PRODUCT),
    "times": ("*", PRODUCT),
    "/": ("/", PRODUCT),
}
LIBRARY = {"abs_": "fabs", "pow_": "pow", "floor": "floor"}  # otherwise called, or no operator
WORD = re.compile(r"\w+")
Text = tuple[str, int]  # and how tightly its outermost sign binds


class NotPrinted(Exception):
    """Something that has no C yet; the text says what."""


@dataclass(frozen=True, slots=True)
class CScalars:
    """Prints expressions for numbers of a width."""

    word: int  # bytes

    @property
    def real(self) -> str:
        """The type of a number."""
        return "float" if self.word == 4 else "double"

    def literal(self, number: float) -> str:
        """A number."""
        if not np.isfinite(number):
            return "NAN" if np.isnan(number) else f"{'-' if number < 0 else ''}INFINITY"
        if self.word == 8:
            return repr(float(number))
        return f"{float(str(np.float32(number)))!r}f"

    def text(self, value: Scalar, names: Mapping[Scalar, Text]) -> Text:
        """An expression, with brackets only where they are needed."""
        match value:
            case ScalarConstant(number, Kind.INDEX):
                return str(number), WHOLE if number >= 0 else OF_SIGN
            case ScalarConstant(number):
                return self.literal(number), WHOLE if number >= 0 else OF_SIGN
            case Apply(op, (a, b)) if op in SIGNS:
                sign, tight = SIGNS[op]
                left, right = self._inside(a, names, tight), self._inside(b, names, tight + 1)
                return f"{left} {sign} {right}", tight
            case Apply("-", (a,)):
                return f"-{self._inside(a, names, WHOLE)}", OF_SIGN
            case Apply(op, args):
                return self._applied(op, args, names)
            case leaf:
                return names[leaf]

    def _inside(self, value: Scalar, names: Mapping[Scalar, Text], tight: int) -> str:
        text, own = self.text(value, names)
        return text if own >= tight else f"({text})"

    def _applied(self, op: str, args: tuple[Scalar, ...], names: Mapping[Scalar, Text]) -> Text:
        """A function."""
        if op in ("real", "wide", "index"):
            kind = {"real": self.real, "wide": "double", "index": "int32_t"}[op]
            return f"({kind}){self._inside(args[0], names, WHOLE)}", OF_SIGN
        if op == "select":
            chosen, a, b = (self._inside(arg, names, EITHER) for arg in args)
            return f"{chosen} ? {a} : {b}", CHOICE
        given = [self.text(arg, names)[0] for arg in args]
        if op == "step":
            return f"{self._inside(args[0], names, EITHER)} ? {self.literal(1.0)} : " + (
                self.literal(0.0)
            ), CHOICE
        if op in LIBRARY or is_of_library(op):
            return f"{self.function(LIBRARY.get(op, op))}({', '.join(given)})", WHOLE
        if op.startswith("philox"):
            given = [f"(uint32_t)({text})" for text in given]
        if op in HELPERS:
            return f"{op}({', '.join(given)})", WHOLE
        if self.formula(op):
            return f"({self.real}){op}_formula({', '.join(given)})", OF_SIGN
        raise NotPrinted(f"{op} has no C yet")

    def function(self, name: str) -> str:
        """A function of the C library, of numbers of this width."""
        return f"{name}f" if self.word == 4 else name

    def formula(self, name: str) -> str | None:
        """The text of an operator that is a formula (`compiler/ops/formula.py`)."""
        op = OPS.get(name)
        return op.definition if op is not None and issubclass(op, Elementwise) else None

    def helpers(self, called: Iterable[str]) -> Iterator[str]:
        """The functions that expressions call and C has not."""
        wanted = set(called)
        wanted |= {needed for name in wanted for needed in NEEDS.get(name, ())}
        for name, text in HELPERS.items():
            if name in wanted:
                for plain in FUNCTIONS:
                    text = text.replace(f"{plain.upper()}(", f"{self.function(plain)}(")
                yield f"static {text.replace('REAL', self.real)}"
        for name in sorted(wanted - HELPERS.keys() - LIBRARY.keys()):
            formula = self.formula(name)
            if formula:
                yield formula_text(name, formula)


def is_of_library(name: str) -> bool:
    """Whether an operator is what the C library calls so: a function of one number."""
    op = OPS.get(name)
    if op is None or not issubclass(op, Elementwise) or name in HELPERS:
        return False
    return op.text == f"{name}({{0}})" and not op.definition


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
