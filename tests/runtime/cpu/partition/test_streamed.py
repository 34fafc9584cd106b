"""Gradients that only their update reads lie in the cache, one piece of rows at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradc_compiler.graph.types import TensorType
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.arrays import Result
from gradc_compiler.program.program import Program
from gradc_runtime.cpu.partition.streamed import groups, passed_on
from gradc_runtime.session.session import Session

SPEC = """
model net(x : [{inputs}]) -> [{units}] {{ x |> dense({units}) |> tanh }}
data batch(x : [{inputs}], y : [{units}]) = npz("none.npz")
train on batch {{ minimize squared_error(net(x), y) using adam(lr = 1e-2) }}
"""

STATE = """
model f(x : [128]) -> [128] {
    state s : [128, 128] = 0.01
    state r : [128, 128] = 0.02
    s' = tanh(s @ s) + 0.01
    u = exp(r @ s)
    r' = u * u[127, 127]
    r' @ (s' @ x)
}
"""


def program_of(inputs: int, units: int) -> Program:
    return compile_source(SPEC.format(inputs=inputs, units=units))


def test_what_only_the_update_reads_is_passed_on() -> None:
    entry = program_of(113, 97).entries["step/train"]
    ((leader, followers),) = groups(entry)
    target = leader.operands[-1]
    assert passed_on(entry) == {(target.space, target.offset): 113}
    assert [item.follows for item in followers] == [True]


def test_what_is_a_result_too_stays_whole() -> None:
    entry = program_of(113, 97).entries["step/train"]
    ((leader, _),) = groups(entry)
    kept = Result(name="W", type=TensorType((97, 113)), offset=leader.operands[-1].offset)
    assert passed_on(replace(entry, results=(*entry.results, kept))) == {}


@pytest.mark.parametrize("examples", [1, 37])
def test_many_pieces_give_what_the_reference_gives(examples: int) -> None:
    program = program_of(1130, 137)  # more than one piece for each of two threads
    rng = np.random.default_rng(7)
    x, y = (rng.normal(size=(examples, n)) for n in (1130, 137))
    reference = Session(program, "reference", "float64")
    sessions = [Session(program, "cpu", "float64", threads=n) for n in (1, 2, 4)]
    for session in (reference, *sessions):
        session.advance({"x": np.tile(x, (6, 1)), "y": np.tile(y, (6, 1))}, 6)
    alone, *others = (session.memory.words for session in sessions)
    assert all(np.array_equal(alone, words) for words in others)
    np.testing.assert_allclose(alone, reference.memory.words, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_state_that_the_product_reads_is_written_after_all_its_pieces(threads: int) -> None:
    program, x = compile_source(STATE), np.ones((5, 128))
    reference = Session(program, "reference", "float64")
    session = Session(program, "cpu", "float64", threads=threads)
    for _ in range(2):
        np.testing.assert_allclose(session.run("f", x=x), reference.run("f", x=x), rtol=1e-9)
    np.testing.assert_allclose(session.memory.words, reference.memory.words, rtol=1e-9)
