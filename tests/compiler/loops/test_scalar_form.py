"""Scalar text of the operators as expressions, and back."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, LoopCounter, ScalarConstant, Variable
from gradc_compiler.loops.scalar_form import (
    OPERANDS,
    applied,
    functions,
    leaves,
    replace_leaves,
    scalar_form,
)
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.printing.scalar_text import scalar_text

ROWS = {op.name: op.text for op in OPS.values() if issubclass(op, Elementwise)}
X, Y = Variable(Kind.REAL, 7), Variable(Kind.INDEX, 8)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_read_and_written_alike(name: str) -> None:
    assert scalar_text(scalar_form(ROWS[name])) == ROWS[name].format(*OPERANDS)


@pytest.mark.parametrize(
    "text",
    [
        "({0} - {1}) * {0}",
        "{0} - ({1} - {0})",
        "{0} / ({1} * {0}) / {1}",
        "-({0} + {1})",
        "select({0} < real(-1.5), exp(-{1}), {0} * {0})",
    ],
)
def test_brackets_are_kept_where_they_are_needed(text: str) -> None:
    assert scalar_text(scalar_form(text)) == text.format(*OPERANDS)


def test_operands_come_into_their_places() -> None:
    one = ScalarConstant(1.0, Kind.REAL)
    value = applied("{1} - {0}", [one, Apply("real", (Y,))])
    assert scalar_text(value) == "real(n8) - real(1.0)"
    assert list(leaves(applied("{0} * {1}", [X, X]))) == [X, X]


def test_leaves_are_replaced_and_functions_found() -> None:
    value = applied("exp({0} * {0})", [Apply("real", (LoopCounter(2),))])
    one = replace_leaves(value, lambda leaf: X)
    assert scalar_text(one) == "exp(real(v7) * real(v7))"
    assert list(functions(one)) == ["exp", "*", "real", "real"]


@pytest.mark.parametrize(
    ("number", "text"),
    [(float("inf"), "1e999"), (-float("inf"), "-1e999"), (float("nan"), "1e999 - 1e999")],
)
def test_numbers_that_python_has_names_for_are_written_as_sums(number: float, text: str) -> None:
    assert scalar_text(ScalarConstant(number, Kind.REAL)) == f"real({text})"


@pytest.mark.parametrize("text", ["{0} if {1} else {0}", "{0} and {1}", "{0} ** 2", "x[{0}]"])
def test_what_the_kernel_language_has_not_is_refused(text: str) -> None:
    with pytest.raises(AssertionError, match="is no scalar text"):
        scalar_form(text)
