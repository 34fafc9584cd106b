"""What the pipeline leaves of the process as it was."""

from __future__ import annotations

import gc

import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError


@pytest.fixture
def collector_off():
    gc.disable()
    yield
    gc.enable()


def test_the_collector_of_cycles_runs_again_after_a_program_or_an_error() -> None:
    program = gradc.compile_source("model f(x : [3]) -> [2] { x |> dense(2) }")
    assert gc.isenabled()
    assert program.entries["forward/f"].kernels and gc.isenabled()
    with pytest.raises(CompileError):
        gradc.compile_source("model f(x : [3]) -> [2] { y }")
    assert gc.isenabled()


@pytest.mark.usefixtures("collector_off")
def test_it_stays_off_where_the_process_has_none() -> None:
    assert gradc.compile_source("model f(x : [3]) -> [2] { x |> dense(2) }").entries
    assert not gc.isenabled()
