"""Every pass of steps has a golden text: a step before, the step after.

UPDATE_GOLDEN=1 writes the steps anew (the sentences at the head of a file stay).  That numbers stay
is tried on whole specs, with each pass off: `tests/compiler/loops/test_switched_off.py`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gradc_compiler.loops.pass_driver import Pass
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.whole_step import step_passes
from gradc_compiler.whole_step.step import StepNests
from gradc_compiler.whole_step.step_passes import STEP_PASSES, run_step_passes
from gradc_compiler.whole_step.verify_step import verify_step
from tests.support.steps import LAST, MEAN, STEP, step_text

FOLDER = Path(__file__).with_name("golden")
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"


@pytest.mark.parametrize("name", STEP_PASSES)
def test_text_before_and_after(name: str) -> None:
    made = verify_step(STEP_PASSES[name].transform(verify_step(STEP, "build")), name)
    path, texts = FOLDER / f"{name}.txt", (step_text(STEP), step_text(made))
    head = path.read_text().split("before:\n")[0]
    text = f"{head}before:\n{texts[0]}after:\n{texts[1]}"
    if UPDATE:
        path.write_text(text)
    assert path.read_text() == text, f"{path} differs; UPDATE_GOLDEN=1 writes it anew"
    assert head and all(line.startswith("# ") for line in head.splitlines())
    assert texts[0] != texts[1], "the example does not show the pass"
    assert STEP_PASSES[name].transform(made) == made, "once is enough"


def test_every_file_is_of_a_pass() -> None:
    assert STEP_PASSES.keys() == {path.stem for path in FOLDER.glob("*.txt")}


def test_the_driver_counts_what_changed_a_step_and_leaves_out_what_is_off() -> None:
    on, off = Switches(), Switches([*STEP_PASSES])
    made = run_step_passes(STEP, on)
    assert on.applied == dict.fromkeys(STEP_PASSES, 1)
    assert len(made.tasks) == 3 and all(task.scalars for task in made.tasks)
    assert run_step_passes(STEP, off) == STEP and not off.applied


def without_a_copy(step: StepNests) -> StepNests:
    """The copy is gone, and its readers read on."""
    return replace(step, tasks=step.tasks[1:])


def too_early(step: StepNests) -> StepNests:
    """What reads a mean stands among those that add to it."""
    early = replace(LAST, phase=MEAN.phase)
    return replace(step, tasks=(*step.tasks[:-1], early))


def out_of_order(step: StepNests) -> StepNests:
    return replace(step, tasks=step.tasks[::-1])


@pytest.mark.parametrize("wrong", [without_a_copy, too_early, out_of_order])
def test_a_pass_that_breaks_a_step_is_named(wrong, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(step_passes.STEP_PASSES, "breaks", Pass(wrong, "none"))
    with pytest.raises(AssertionError, match=r"^after breaks: "):
        run_step_passes(STEP, Switches(["propagate-copies"]))
