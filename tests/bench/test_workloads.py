"""The benchmark's specs compile, and make the parameters that its table of workloads gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file
from tests.bench.workloads import WORKLOADS

SPECS = Path(__file__).parent / "specs"
FIRST = {workload.spec: workload for workload in reversed(WORKLOADS.values())}


@pytest.mark.parametrize("spec", FIRST)
def test_parameters_are_those_of_the_spec(spec: str) -> None:
    program = compile_file(SPECS / f"{spec}.nn")
    shapes = [p.type.shape for p in program.persistents if p.role == "parameter"]
    assert shapes == [value.shape for value in FIRST[spec].start()]


def test_every_spec_is_used() -> None:
    assert {path.stem for path in SPECS.glob("*.nn")} == set(FIRST)
