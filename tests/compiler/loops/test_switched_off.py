"""Each loop pass switched off: the same numbers, and where sums keep their order the same bits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import gradc
from gradc_compiler.loops.loop_passes import LOOP_PASSES, OPTIONAL_LOOP_PASSES
from gradc_compiler.whole_step.step_passes import STEP_PASSES

TINY = """
model net(x : [5]) -> [3] { x |> dense(2) |> tanh |> dense(3) }
data points(x : [5], y : [3]) = npz("none.npz")
train on points {
    minimize mean_squared_error(net(x), y) + 1e-3 * l2(net)
    using momentum(lr = 1e-2), batch 8, epochs 1
}
"""
MIDDLE = TINY.replace("dense(2)", "dense(21) |> tanh |> dense(13)")
LARGE = TINY.replace("dense(2)", "dense(213)")
OPTIONAL = (*OPTIONAL_LOOP_PASSES, *STEP_PASSES)
SPECS = {"tiny": TINY, "middle": MIDDLE, "large": LARGE}
FORMS = {"tiny": "straight", "middle": "lanes", "large": "table"}
OTHER_ORDER = {
    "tiny": {"unroll", "scalar-replacement"},  # then it is a kernel on rows side by side
    "middle": {"unroll", "vectorize-batch"},
    "large": {"sum-in-memory"},
}


@cache
def weights(spec: str, without: str | None = None, target: str = "cpu") -> dict[str, np.ndarray]:
    """What three steps make of the parameters."""
    program = gradc.compile_source(SPECS[spec], without={without} - {None})
    session = gradc.Session(program, target=target, threads=2, seed=1)
    rng = np.random.default_rng(2)
    for _ in range(3):
        session.step(x=rng.normal(size=(37, 5)), y=rng.normal(size=(37, 3)))
    return {name: np.array(value) for name, value in session.parameters.items()}


@pytest.mark.parametrize("spec", SPECS)
def test_the_specs_have_the_forms_that_they_are_for(spec: str) -> None:
    whole = gradc.compile_source(SPECS[spec]).entries["step/train"].whole_step
    applied = {} if whole is None else whole.applied
    form = "lanes" if "vectorize-batch" in applied else "straight" if applied else "table"
    assert form == FORMS[spec]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", OPTIONAL)
def test_numbers_stay(spec: str, name: str) -> None:
    wanted, found, plain = weights(spec, None, "reference"), weights(spec, name), weights(spec)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=0, atol=2e-5 * np.abs(value).max())
        if name not in OTHER_ORDER[spec]:
            np.testing.assert_array_equal(found[key], plain[key])


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_pass_changes_the_kernels_of_its_targets_alone(name: str) -> None:
    program = gradc.compile_source(MIDDLE)
    off = gradc.compile_source(MIDDLE, without={name})
    cuda = [p.of_target("cuda").entries["step/train"] for p in (program, off)]
    texts = [[i.launch.source for ph in e.phases for i in ph.instructions] for e in cuda]
    assert texts[0] == texts[1] or "cuda" in {**LOOP_PASSES, **STEP_PASSES}[name].targets
