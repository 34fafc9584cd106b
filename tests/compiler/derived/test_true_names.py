"""`d_x` of a derived program is dloss/dx of what the program calls x, also where a spec has
derivatives of its own; `test_derived.py` tries every spec.
"""

from __future__ import annotations

import random

import pytest

from gradc_compiler.derived import print_program
from tests.compiler.derived.test_derived import compiled
from tests.compiler.derived.true_names import wrong_names
from tests.random_specs.programs import spec

TWICE = """
model u(t : scalar) -> scalar { t |> as([1]) |> dense(3) |> tanh |> dense(1) |> as(scalar) }
data times(t : scalar) = line()
train on times {
    v = grad(u(t), t)
    minimize (grad(v, t) + 4 * u(t))^2 + 3 * u(t) * v
    using sgd(lr = 1e-2)
}
"""


def wrong(text: str) -> list[str]:
    return wrong_names(compiled(print_program(compiled(text, "a.nn")), "derived.nn"))


def test_a_value_that_is_used_twice_has_one_cotangent() -> None:
    assert wrong(TWICE) == []


def derivatives_of_derivatives(first: int, count: int) -> list[str]:
    """Random specs whose loss has a derivative in it."""
    found, number = list[str](), first
    while len(found) < count:
        draws = random.Random(number)
        text = spec(draws.randrange)
        number += 1
        if "grad(" in text:
            found.append(text)
    return found


def test_names_of_random_specs_with_second_derivatives() -> None:
    for text in derivatives_of_derivatives(0, 6):
        assert wrong(text) == [], text


@pytest.mark.wide
def test_names_of_many_random_specs() -> None:
    for text in derivatives_of_derivatives(10_000, 100):
        assert wrong(text) == [], text
