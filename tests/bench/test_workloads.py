"""The benchmark's specs compile, and make the parameters that its table of workloads gives."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from gradc_compiler.pipeline import compile_file

HERE = Path(__file__).parent
sys.path.append(str(HERE))  # modules of the benchmark, which is run as a program of its own
WORKLOADS = importlib.import_module("workloads").WORKLOADS
FIRST = {workload.spec: workload for workload in reversed(WORKLOADS.values())}


@pytest.mark.parametrize("spec", FIRST)
def test_parameters_are_those_of_the_spec(spec: str) -> None:
    program = compile_file(FIRST[spec].file())
    shapes = [p.type.shape for p in program.persistents if p.role == "parameter"]
    assert shapes == [value.shape for value in FIRST[spec].start()]


def test_every_spec_is_used() -> None:
    assert {path for name in ("specs", "sizes") for path in (HERE / name).glob("*.nn")} == {
        row.file() for row in WORKLOADS.values()
    }
