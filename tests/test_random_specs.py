"""Random specs over every construct of the language: every part of gradc agrees with every other.

75 in each run; `pytest -m wide tests/test_random_specs.py` tries 5,000.  A failure is shrunk to a
spec of a few lines, which is printed.
"""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis.strategies import DataObject, data, integers

from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_runtime.cpu.objects import compile_kernels
from tests.random_specs.checking import faults
from tests.random_specs.programs import spec

EACH = 25  # specs of one test
NARROW, WIDE = 3, 200  # tests
NOT_WRITTEN = {"refuse", "orthonormalize", "bfloat16", "tfloat32"}  # slopes straight through
LONGEST_LINE = 10_000  # characters that the language allows


@pytest.fixture(autouse=True)
def built_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kernels at a time are not worth copies of this process."""
    monkeypatch.setattr(compile_kernels, "may_copy_process", lambda: False)


def search(number: int) -> None:
    """Try `EACH` specs, others for each number."""

    @seed(number)
    @settings(
        max_examples=EACH, database=None, report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(data())
    def agree(draws: DataObject) -> None:
        text = spec(lambda n: draws.draw(integers(0, n - 1)))
        note(text)
        assert faults(text, number) == []

    agree()


@pytest.mark.parametrize("number", range(NARROW))
def test_every_part_agrees_with_every_other(number: int) -> None:
    search(number)


@pytest.mark.wide
@pytest.mark.parametrize("number", range(NARROW, WIDE + NARROW))
def test_every_part_agrees_on_many_specs(number: int) -> None:
    search(number)


def test_every_function_of_the_language_is_written() -> None:
    texts = []
    for number in range(600):
        draws = random.Random(number)
        texts.append(spec(lambda n, draws=draws: draws.randrange(n)))  # type: ignore[misc]
    assert max(len(line) for text in texts for line in text.splitlines()) < LONGEST_LINE
    words = set(re.findall(r"\w+", "\n".join(texts)))
    assert {*BUILTINS} - NOT_WRITTEN - words == set()
    for statement in ("param", "noise", "state", "layer", "cell", "function", "step", "report"):
        assert statement in words
