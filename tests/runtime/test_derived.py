"""A spec and its derived program are one training: losses, reports and numbers, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph.types import Kind
from gradc_compiler.pipeline import Compilation, compilation
from gradc_compiler.syntax.pretty.format_source import format_source
from gradc_runtime.session.session import Session
from tests.runtime.derived_specs import CASES, IMPORTS, OPTIMIZERS

SPECS = Path(__file__).resolve().parents[2] / "specs"
SHORT = {"batch": 4, "epochs": 2, "held_out": 0.25, "seed": 3}
EXAMPLES = 14  # of which the last batch is a partial one


def data_of(made: Compilation, seed: int = 0) -> dict[str, Any]:
    """Random examples of the fields that `train` names."""
    rng = np.random.default_rng(seed)
    assert made.module.train is not None
    source = next(d for d in made.module.data if d.name == made.module.train.data)
    lengths: dict[str, np.ndarray] = {}
    found: dict[str, Any] = {}
    for name, type in source.fields:
        count = np.full(EXAMPLES, type.time if isinstance(type.time, int) else 1)
        if isinstance(type.time, str):
            count = lengths.setdefault(type.time, rng.integers(1, 6, EXAMPLES))
        shape = (int(count.sum()), *type.shape)
        label = type.kind is Kind.INDEX
        drawn = rng.integers(0, type.classes or 1, shape) if label else rng.uniform(0, 1, shape)
        found[name] = drawn if type.time is None else Ragged(drawn, count)
    return found


def derived(made: Compilation, directory: Path = SPECS) -> Compilation:
    """The derived program, compiled."""
    return compilation(Source("derived.nn", print_program(made)), directory, {}, ())


def trained(made: Compilation, data: Mapping[str, Any], **where: Any) -> tuple[Session, list[Any]]:
    """A session after its training, and its rows."""
    session = Session(made.program, **{"target": "cpu", "threads": 1, **where})
    return session, session.train(data).rows


def agree(one: Any, other: Any, tolerance: float) -> None:
    """Both sessions have the same rows, and the same numbers under the same names."""
    (first, rows), (second, others) = one, other
    assert len(rows) == len(others) and list(rows[0]) == list(others[0])
    assert any(name.startswith("held_out.") for name in rows[0])
    for before, after in zip(rows, others, strict=True):
        for name in set(before) - {"seconds"}:
            assert after[name] == pytest.approx(before[name], rel=tolerance, abs=tolerance), name
    assert set(first.memory.views) == set(second.memory.views)
    for name, view in first.memory.views.items():
        scale = tolerance * max(1.0, float(np.abs(view).max()))
        np.testing.assert_allclose(second.memory.views[name], view, tolerance, scale, err_msg=name)


def check(text: str, name: str, tmp_path: Path, dtype: str = "float64", **where: Any) -> None:
    """The whole promise, for one spec."""
    made = compilation(Source(name, text), SPECS, SHORT, ())
    again, data = derived(made), data_of(made)
    one, other = (trained(m, data, dtype=dtype, **where) for m in (made, again))
    agree(one, other, 1e-9 if dtype == "float64" else 1e-4)
    one[0].save(tmp_path / "one.safetensors")
    fresh = Session(again.program, "cpu", dtype, 1)
    fresh.load(tmp_path / "one.safetensors")
    equal(fresh, one[0])
    fresh.save(tmp_path / "other.safetensors")
    back = Session(made.program, "cpu", dtype, 1)
    back.load(tmp_path / "other.safetensors")
    equal(back, one[0])


def equal(session: Session, wanted: Session) -> None:
    """All that is kept is the same to the bit; tables of schedules are made anew."""
    for name, persistent in wanted.memory.persistents.items():
        if persistent.role != "schedule":
            np.testing.assert_array_equal(session.memory.views[name], wanted.memory.views[name])


SPEC_NAMES = [p.stem for p in sorted(SPECS.glob("*.nn")) if "\ntrain on " in p.read_text()]
LONG = ("deep_chain", "transformer", "unet")  # four seconds and more each
MARKED = [pytest.param(n, marks=pytest.mark.wide) if n in LONG else n for n in SPEC_NAMES]


@pytest.mark.parametrize("name", MARKED)
def test_a_spec_and_its_derived_program_train_alike(name: str, tmp_path: Path) -> None:
    check((SPECS / f"{name}.nn").read_text(), f"{name}.nn", tmp_path)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_what_a_spec_can_say_is_in_its_derived_program(
    name: str, dtype: str, tmp_path: Path
) -> None:
    check(CASES[name], "case.nn", tmp_path, dtype, threads=2)


@pytest.mark.parametrize("name", CASES)
def test_a_program_derived_twice_trains_alike(name: str) -> None:
    made = compilation(Source("case.nn", CASES[name]), SPECS, SHORT, ())
    data, twice = data_of(made), derived(derived(made))
    agree(*(trained(m, data, dtype="float64", target="reference") for m in (made, twice)), 1e-9)


def test_definitions_of_other_files_stay_there(tmp_path: Path) -> None:
    (tmp_path / "optimizers.nn").write_text(OPTIMIZERS)
    made = compilation(Source("case.nn", IMPORTS), tmp_path, SHORT, ())
    assert 'import half, own, tenth from "optimizers.nn"' in print_program(made)
    data, again = data_of(made), derived(made, tmp_path)
    agree(*(trained(m, data, dtype="float64") for m in (made, again)), 1e-9)


def test_what_the_command_line_sets_is_set() -> None:
    given = {"lr": 0.25, "batch": 7, "data": 'csv("other.csv", columns = (1, 2))'}
    made = compilation(Source("case.nn", CASES["first values"]), SPECS, given, ())
    text = print_program(made)
    assert "using nesterov(lr = 0.25, beta = 0.9)" in text and "\n    batch 7\n" in text
    again = derived(made)
    assert again.module.data[0].arguments == ("other.csv",)
    assert again.module.data[0].keywords == {"columns": (1, 2)}


@pytest.mark.parametrize("name", CASES)
def test_a_derived_program_is_laid_out_and_stays_itself(name: str) -> None:
    made = compilation(Source("case.nn", CASES[name]), SPECS, SHORT, ())
    text = print_program(made)
    laid = format_source(Source("derived.nn", text))
    assert format_source(Source("derived.nn", laid)) == laid
    again = compilation(Source("derived.nn", laid), SPECS, {}, ())
    gone = [f"forward/{m}" for m in made.module.models]  # and what a loss calls a prediction
    gone += [f"predict/{step.name}" for step in made.module.train.steps]
    assert {*again.optimised} >= {*made.optimised} - {*gone}
