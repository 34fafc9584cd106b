"""Specs whose meaning is easily lost mean the same on the CPU as on the reference."""

from __future__ import annotations

import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import compilation, compile_source
from gradc_runtime.session.session import Session
from tests.support.meanings import SPECS, assert_as_the_reference, batch, close


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", SPECS)
def test_on_the_cpu(name: str, threads: int) -> None:
    for examples in (1, 5):
        assert_as_the_reference(name, "cpu", examples, threads)


@pytest.mark.parametrize("name", SPECS)
def test_derived_on_the_cpu(name: str) -> None:
    """The program that is printed of loss and gradient goes the same way."""
    made = compilation(Source("spec.nn", SPECS[name]), ".", {}, ())
    derived = compile_source(print_program(made))
    first, second = (Session(p, "cpu", "float64", seed=1) for p in (made.program, derived))
    for seed in range(3):
        wanted, found = (s.step(**batch(4, seed)) for s in (first, second))
        close([found[key] for key in wanted], [*wanted.values()])
    for key, value in first.parameters.items():
        close(second.parameters[key], value)
