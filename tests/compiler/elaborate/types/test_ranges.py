"""Ranges of settings hold for what comes from outside too, and leave alone what is known later."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import CompileError

SPEC = """
optimizer own(pace : share = 0.1)(p, g) {{ p' = p - pace * g }}
layer faded(part : proportion)(x : [n]) -> [n] {{ x * part }}
model f(x : [2]) -> [2] {{
    param w : scalar = 0.5
    x |> faded({part}) |> faded(w)
}}
data d(x : [2]) = npz("none.npz")
train on d {{ minimize sum(f(x)) using {using} }}
"""


@pytest.mark.parametrize("name, value", [("lr", -0.1), ("lr", float("nan")), ("beta1", 1.0)])
def test_a_setting_from_outside_is_in_range(build, name: str, value: float) -> None:
    with pytest.raises(CompileError, match=f"E0403.*`{name}` of `adam` is a number"):
        build(SPEC.format(part=1, using="adam(lr = 0.1)"), **{name: value})


@pytest.mark.parametrize("part", ["0", "1", "0.5", "w", "sum(x)"])
@pytest.mark.parametrize(
    "using", ["own(0)", "own(linear(0, 0.9, 10))", "own(0.999), clip(norm = 1)"]
)
def test_what_is_in_range_or_known_later_compiles(build, part: str, using: str) -> None:
    build(SPEC.format(part=part, using=using))


def test_the_ends_of_a_range(build, diagnose) -> None:
    (found,) = diagnose(SPEC.format(part="1.001", using="own(0)"))
    assert found.code == "E0403" and "from 0 to 1, got" in found.message
    (found,) = diagnose(SPEC.format(part="1", using="own(linear(0, 1, 10))"))
    assert "from 0 to below 1; this is 1.0 after 10 updates" in found.message
