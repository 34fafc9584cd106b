"""Gradients of large matrices: one product over all examples, and its update piece by piece."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry, Phase
from gradc_runtime.session.session import Session

SPEC = """
model net(x : [{inputs}]) -> [{units}] {{ x |> dense({units}) |> tanh }}
data batch(x : [{inputs}], y : [{units}]) = npz("none.npz")
train on batch {{ minimize squared_error(net(x), y) using adam(lr = 1e-2) }}
"""


def batch(inputs: int, units: int, examples: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {"x": rng.normal(size=(examples, inputs)), "y": rng.normal(size=(examples, units))}


def entry_of(inputs: int, units: int) -> Entry:
    program = compile_source(SPEC.format(inputs=inputs, units=units))
    return program.entries["step/train"]


def last_phase(entry: Entry) -> Phase:
    return entry.phases[-1]


def test_a_large_gradient_is_computed_once_and_updated_piece_by_piece() -> None:
    entry = entry_of(113, 97)
    instructions = last_phase(entry).instructions
    names = [entry.kernels[i.kernel].name for i in instructions]
    product = names.index("contract_rows")
    assert [i.follows for i in instructions[product : product + 2]] == [False, True]
    assert entry.partial_words < 113 * 97, "no sum of it over the blocks is kept"


def test_a_small_gradient_is_summed_up_in_blocks() -> None:
    entry = entry_of(7, 13)
    assert not any(i.follows for i in last_phase(entry).instructions)
    assert entry.partial_words >= 7 * 13


@pytest.mark.parametrize("examples", [1, 5, 33, 300])
@pytest.mark.parametrize(("inputs", "units"), [(113, 97), (512, 129), (7, 13)])
def test_it_trains_as_the_reference_does(inputs: int, units: int, examples: int) -> None:
    program = compile_source(SPEC.format(inputs=inputs, units=units))
    data = batch(inputs, units, examples)
    sessions = [Session(program, target, "float64", threads=1) for target in ("cpu", "reference")]
    losses = [[s.step(**data)["loss"] for _ in range(3)] for s in sessions]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)
    for name, value in sessions[0].parameters.items():
        np.testing.assert_allclose(value, sessions[1].parameters[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("examples", [5, 33, 300])
def test_threads_do_not_change_a_bit(examples: int) -> None:
    program = compile_source(SPEC.format(inputs=113, units=97))
    data = batch(113, 97, examples)
    found = []
    for threads in (1, 2, 4):
        session = Session(program, "cpu", "float32", threads=threads)
        many = {k: np.concatenate([v] * 40).astype(np.float32) for k, v in data.items()}
        session.advance(many, 40)
        found.append(session.memory.words.copy())
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_a_long_sum_needs_no_copy_of_the_matrix_and_a_short_one_a_fast_one() -> None:
    long, short = (
        [entry.kernels[i.kernel].name for phase in entry.phases for i in phase.instructions]
        for entry in (entry_of(300, 20), entry_of(30, 20))
    )
    assert "transpose" not in long and "contract_dots" in long
    assert "transpose" in short and "contract_dots" not in short
