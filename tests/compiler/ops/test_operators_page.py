"""The page of operators says what the registry says."""

from __future__ import annotations

from pathlib import Path

from gradc_compiler.ops.operators_page import table

PAGE = Path(__file__).resolve().parents[3] / "specs" / "operators.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == table(), (
        "run: python -m gradc_compiler.ops.operators_page > specs/operators.md"
    )
