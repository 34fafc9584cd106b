"""Elementwise operators in ONNX, a row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.onnx.records import ElementType

Rule = Callable[..., str]  # of a writer and the operands' names, which broadcast


def plain(operator: str) -> Rule:
    """The rule for an operator that ONNX has as well."""
    return lambda w, *xs: w.add(operator, *xs)


def comparison(operator: str) -> Rule:
    """The rule for a comparison: ONNX gives a truth, which becomes 0 or 1."""
    return lambda w, a, b: w.cast(w.add(operator, a, b), ElementType.FLOAT)


def _different(w: GraphWriter, a: str, b: str) -> str:
    return w.cast(w.add("Not", w.add("Equal", a, b)), ElementType.FLOAT)


def _sign(w: GraphWriter, x: str) -> str:
    """The sign, which is 0 at NaN; ONNX's own `Sign` keeps the NaN."""
    zero = w.constant(0.0)
    above, below = (w.cast(w.add(o, x, zero), ElementType.FLOAT) for o in ("Greater", "Less"))
    return w.add("Sub", above, below)


def _where(w: GraphWriter, condition: str, a: str, b: str) -> str:
    return w.add("Where", w.cast(condition, ElementType.BOOL), a, b)


def _maximum(w: GraphWriter, a: str, b: str) -> str:
    """The greater number; written as `Relu` where one is the constant 0."""
    zero = w.constant(0.0)
    if zero in (a, b):
        return w.add("Relu", b if a == zero else a)
    return w.add("Max", a, b)


def _to_bfloat(w: GraphWriter, x: str) -> str:
    return w.add("Cast", w.add("Cast", x, to=int(ElementType.BFLOAT16)), to=int(ElementType.FLOAT))


def _to_tfloat(w: GraphWriter, x: str) -> str:
    """A float32 without its last 13 bits: in float64, whose sum with 2^42 times the number has no
    others of it, and rounds ties to even (Veltkamp's splitting).
    """
    wide = w.add("Cast", x, to=int(ElementType.DOUBLE))
    far = w.add("Mul", wide, w.constant(2.0**42, np.float64))
    near = w.add("Sub", w.add("Add", wide, far), far)
    return w.add("Where", w.add("IsInf", x), x, w.add("Cast", near, to=int(ElementType.FLOAT)))


NAMESAKES = (
    *("Abs", "Add", "Cos", "Div", "Erf", "Exp", "Floor", "Log"),
    *("Mul", "Neg", "Pow", "Sigmoid", "Sin", "Sqrt", "Sub", "Tanh"),
)
ROWS: dict[str, Rule] = {
    **{name.lower(): plain(name) for name in NAMESAKES},
    "bfloat16": _to_bfloat,
    "tfloat32": _to_tfloat,
    "eq": comparison("Equal"),
    "ge": comparison("GreaterOrEqual"),
    "gt": comparison("Greater"),
    "le": comparison("LessOrEqual"),
    "lt": comparison("Less"),
    "maximum": _maximum,
    "minimum": plain("Min"),
    "ne": _different,
    "sign": _sign,
    "where": _where,
}
SAME: Sequence[str] = ("copy", "stop_gradient")  # of which ONNX needs no node
