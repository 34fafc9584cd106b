"""Numbers are exact decimals while a spec is compiled."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.names.decimals import BITS, Exact, calculate, fraction_of, written
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.pipeline import compile_source
from gradc_runtime.data import from_arrays
from gradc_runtime.data.arrays.dataset import split
from gradc_runtime.session.session import Session

KNOWN = {
    "41 // 41": 1, "-7 // 2": -4, "7 // -3": -3, "1 // 0.1": 10, "6 // 0.2": 30, "41 % 41": 0,
    "-7 % 3": 2, "7 % -3": -2, "1 % 0.1": 0, "6 % 0.2": 0, "100 * 0.29": 29, "0.1 + 0.2": 0.3,
    "1 / 3 * 3": 1, "0.1 ^ 2 * 100": 1, "(1e16 + 0.1) - 1e16": 0.1, "floor(100 * 0.29)": 29,
    "-(1 / 3) * 3": -1, "2 ^ -1": 0.5, "4 ^ 0.5": 2, "2 ^ 10": 1024, "1e30 // 1": 1e30,
}  # fmt: skip
HOLDS = ["100 * 0.29 == 29", "0.1 + 0.2 == 0.3", "1 // 0.1 == 10", "0.3 - 0.1 == 0.2", "1_0.5 > 10"]
REFUSED = ["1 // 0", "1.5 % 0", "1e300 * 1e300", "10 ^ (10 ^ 9)", "0.1 ^ -400", "(-8) ^ 0.5"]


def value_of(expression: str) -> float:
    """What an expression of numbers is in a run."""
    program = compile_source(f"model f(x : scalar) -> scalar {{ ({expression}) + 0 * x }}")
    session = Session(program, target="reference", dtype="float64")
    return float(session.run("f", x=np.zeros(1))[0])


@pytest.mark.parametrize("expression", KNOWN)
def test_arithmetic_is_exact(expression: str) -> None:
    assert value_of(expression) == KNOWN[expression]


@pytest.mark.parametrize("condition", HOLDS)
def test_conditions_are_exact(condition: str) -> None:
    assert value_of(f"1 if {condition} else 0") == 1


@pytest.mark.parametrize("expression", REFUSED)
def test_what_has_no_value_is_refused(expression: str) -> None:
    with pytest.raises(CompileError) as fault:
        value_of(expression)
    assert fault.value.diagnostics[0].code == "E0402"


def test_a_whole_quotient_is_a_size() -> None:
    program = compile_source("model f(x : [1 // 0.1]) -> [10] { x }")
    assert program.inputs["f"]["x"].shape == (10,)


def test_fractions_stay_small() -> None:
    number = written("0.999", 0.999)
    for _ in range(13):  # 0.999 ^ 8192, of 24,576 digits
        number = calculate("*", number, number)
    assert fraction_of(number).denominator.bit_length() <= BITS
    assert number == pytest.approx(0.999**8192, rel=1e-12)
    assert pickle.loads(pickle.dumps(number)) == number
    assert written("1e-999999999", 0.0) == 0.0


def test_an_exact_number_is_a_float() -> None:
    third = Exact(Fraction(1, 3))
    assert third == 1 / 3 and isinstance(third, float) and f"{third:.3f}" == "0.333"
    assert fraction_of(0.29) == Fraction(29, 100)


@pytest.mark.parametrize(("share", "kept"), [(0.29, 29), (0.07, 7), (0.58, 58), (1 / 3, 33)])
def test_the_share_held_out_is_exact(share: float, kept: int) -> None:
    data = from_arrays([("x", TensorType((), Kind.REAL))], {"x": np.zeros(100)})
    _, held_out = split(data, share, seed=0)
    assert held_out is not None and held_out.examples == kept
