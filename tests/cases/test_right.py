"""Every spec of `right/` gives the numbers that its head says, or is refused where it says so.

Each runs on the reference and on the CPU, on one thread and two, in both widths, as one kernel and
as a table of kernel calls.  README.md says where each kind of fault is tested in depth.
"""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.pipeline import compilation, compile_source
from gradc_runtime.cli.actions.model_stages import stages
from tests.cases.answers import CASES, FOLDER, Way, many_ones, text_of

WAYS = [
    Way("reference", "float32"),
    Way("reference", "float64"),
    Way("cpu", "float32"),
    Way("cpu", "float64", 2),
    Way("cpu", "float32", 2, ("whole-step",)),
]
REFUSED = {  # code and place of every error
    "pipe_and_plus": [("E0129", 2), ("E0129", 4)],
    "pool_in_padding": [("E0405", 2), ("E0405", 3)],
    "schedule_of_nothing": [("E0403", 9)],
    "table_too_small": [("E0307", 4)],
}


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_the_head_says_what_is_right(name: str, way: Way) -> None:
    with np.errstate(all="ignore"):
        CASES[name](way)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_right_answer_is_refused(name: str) -> None:
    with pytest.raises(CompileError) as refused:
        compile_source(text_of(name), f"{name}.nn")
    found = [(d.code, d.primary.span.line) for d in refused.value.diagnostics]
    assert found == REFUSED[name]


def test_the_table_of_check() -> None:
    made = compilation(Source("check_table.nn", text_of("check_table")), ".", {}, ())
    found = [(s.gives, s.size) for s in stages(made, "a")]
    assert found == [("[4]", 0), ("[8]", 40), ("[8]", 216), ("[5]", 45), ("[6]", 36), ("[2]", 14)]


@pytest.mark.parametrize("way", [WAYS[0], WAYS[2], WAYS[4]], ids=str)
@pytest.mark.parametrize("model", ["whole", "columns", "product", "over_time"])
def test_many_ones(model: str, way: Way) -> None:
    many_ones(model, way)


def test_every_spec_is_tested() -> None:
    names = {path.stem for path in FOLDER.glob("*.nn")}
    assert names == {*CASES, *REFUSED, "check_table", "many_ones"}
