"""The page of operators says what the registry says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.operators_page import table
from gradc_compiler.ops.rule_texts import on_paper

PAGE = Path(__file__).resolve().parents[3] / "specs" / "operators.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == table(), (
        "run: python -m gradc_compiler.ops.operators_page > specs/operators.md"
    )


ROUNDED = {"bfloat16": 1e-2, "tfloat32": 1e-3}


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if issubclass(op, Elementwise)])
def test_a_formula_on_paper_is_what_the_operator_computes(name: str) -> None:
    """Written into a spec it gives the operator's numbers, but for rounding to fewer bits."""
    op = OPS[name]
    assert issubclass(op, Elementwise)
    said = on_paper(op).partition(",")[0] if name in ROUNDED else on_paper(op)
    given = ", ".join(f"{letter} : [4]" for letter in op.parameters)
    called = INFIX.get(name, f"{name}({', '.join(['{}'] * len(op.parameters))})")
    text = (
        f"model both({given}) -> (said : [4], true : [4]) "
        f"{{ ({said}, {called.format(*op.parameters)}) }}"
    )
    values = [[0.5, 2.0, 1.5, 3.0], [2.0, 1.0, 1.5, 0.25], [1.0, 0.5, 2.0, 3.0]]
    inputs = dict(zip(op.parameters, np.array(values)[:, None], strict=False))
    session = gradc.Session(gradc.compile_source(text), target="reference", dtype="float64")
    found = session.run("both", **inputs)
    near = ROUNDED.get(name, 1e-12)
    np.testing.assert_allclose(found["said"], found["true"], rtol=near)
