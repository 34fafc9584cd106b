"""Damaged specs by the thousand: each compiles, or gets diagnostics that point into its text.

A few hundred in every run; a hundred thousand with `pytest -m wide tests/fuzz`.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.pipeline import compile_source
from tests.fuzz.mutations import TOKENS, of_text

SPECS = Path(__file__).parents[2] / "specs"
FEW, MANY, PARTS = 200, 100_000, 20
LONGEST = 1500  # characters of a spec that is damaged
WORDS = (
    *TOKENS, "model", "layer", "param", "train", "data", "minimize", "using", "report", "over",
    "on", "->", "|>", "=", "==", "+", "-", "*", "/", "//", "%", "^", "@", "(", ")",
    "[", "]", "{", "}", "scalar", "seq", "class(3)", "[2]", "[0]", "[2, 3]", "3x3", "if", "else",
    "previous", "grad",
    "stop_gradient", "contract", "sum", "mean", "relu", "softmax", "dense(3)", "conv(2, 3x3)",
    "zeros([2])", "iota(3)", "transpose(x, (1, 0))", "where", "take", "one_hot", "sgd(lr = 0.1)",
    "normal()", "dropout(0.5)", "state", "import", "each", "repeat", "unfold", "'", "#", ";", "_",
)  # fmt: skip


@cache
def texts() -> list[str]:
    """The short ones among the specs, right and wrong."""
    found = [path.read_text(errors="replace") for path in sorted(SPECS.rglob("*.nn"))]
    return [text for text in found if len(text) < LONGEST]


def outcome(draw: Random) -> str:
    """Compile a damaged spec; whether it was accepted."""
    text = of_text(draw, draw.choice(texts()), WORDS, most=3)
    try:
        program = compile_source(text, directory=SPECS)
    except CompileError as error:
        for found in error.diagnostics:
            span = found.primary.span
            assert 0 <= span.start <= span.end <= len(span.source.text), str(error)
            assert found.message and len(found.message) < 1000, str(error)[:200]
        return "refused"
    assert program.persistent_words >= 0
    return "accepted"


def outcomes(numbers: range) -> Counter[str]:
    """What became of so many specs; what is raised beside diagnostics is told with its seed."""
    found, faults = Counter[str](), list[str]()
    for number in numbers:
        try:
            found[outcome(Random(number))] += 1
        except Exception as fault:
            faults.append(f"{number}: {type(fault).__name__}: {str(fault)[:80]}")
    assert not faults, f"{len(faults)} of {len(numbers)}: {faults[:8]}"
    return found


def test_a_damaged_spec_compiles_or_is_refused() -> None:
    found = outcomes(range(FEW))
    assert found["accepted"] > 5 and found["refused"] > 5


@pytest.mark.wide
@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_a_hundred_thousand_damaged_specs(part: int) -> None:
    count = MANY // PARTS
    found = outcomes(range(part * count, (part + 1) * count))
    print(f"specs {part}: {dict(found)}")
    assert found.total() == count
