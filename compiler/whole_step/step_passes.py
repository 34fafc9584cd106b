"""The passes of whole steps in one table, which `compiler/loops/pass_driver.py` goes through.

A pass takes all nests of a small entry together and gives a step that computes the same.  The step
is verified as it is built, and after each pass that changed it (`verify_step.py`).  Users switch
passes off by name, like those from nest to nest.
"""

from __future__ import annotations

from functools import partial

from gradc_compiler.loops.pass_driver import Pass, apply_passes, count, switched_on
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.whole_step.copy_propagation import propagate_copies
from gradc_compiler.whole_step.scalar_replacement import replace_by_scalars
from gradc_compiler.whole_step.step import StepNests
from gradc_compiler.whole_step.verify_step import verify_step

# fmt: off
STEP_PASSES: dict[str, Pass[StepNests]] = {
    "propagate-copies":   Pass(
        propagate_copies, "what reads a copy reads the original, in a small step"
    ),
    "scalar-replacement": Pass(
        replace_by_scalars, "words of memory are variables, in a small step"
    ),
}
# fmt: on


def run_step_passes(step: StepNests, switches: Switches) -> StepNests:
    """All passes of the table that are on."""
    rows = switched_on(STEP_PASSES, [*STEP_PASSES], switches)
    verify = partial(verify_step, built=step)
    step, made = apply_passes(verify(step, "build"), rows, verify)
    count(STEP_PASSES, made, switches)
    return step
