"""Random specs built: every model and step gives the bits of a session."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.system.errors import SessionError
from tests.compiler.numba_module.emitting_numba import drawn
from tests.random_specs.programs import spec
from tests.runtime.embed.building import NEEDS_CC, Built
from tests.runtime.embed.building_steps import BuiltStep
from tests.runtime.embed.test_every_spec import rows

pytestmark = NEEDS_CC
NARROW, WIDE = 3, 153
BATCH, TURNS = 5, 2


def text_of(number: int) -> str:
    """A random spec."""
    draws = random.Random(number)
    return spec(draws.randrange)


def built_models(number: int, folder: Path) -> int:
    """Hold the models of a spec against a session; how many were tried."""
    program, tried = gradc.compile_source(text_of(number), without=("whole-step",)), 0
    session = gradc.Session(program, threads=1, seed=number)
    for model, types in program.inputs.items():
        try:
            made = Built(session, model, folder / model)
        except SessionError:
            continue
        for count in (1, 1 + number % 20):
            model_agrees(made, types, count)
        tried += 1
    return tried


def model_agrees(made: Built, types: dict[str, TensorType], count: int) -> None:
    """The library's bits are the session's."""
    given = drawn(types, count, least=count % 2)
    session, interface = made.session, made.interface
    found = session.run(made.model, *([] if given else [count]), **given)
    arrays = interface.model.arrays("output")
    many = found if isinstance(found, dict) else {str(a.name): found for a in arrays}
    times = interface.lengths.values()
    own = {
        type.time: [len(one) for one in given[name]] for name, type in types.items() if type.time
    }
    lengths = {time: np.array(own[time], np.int32) for time in times}
    read = [flat(array.type, given[str(array.name)]) for array in interface.model.arrays("input")]
    for array, values in zip(arrays, made.run_sequences(lengths, read, count), strict=True):
        np.testing.assert_array_equal(values, rows(array.type, many[str(array.name)]))


def flat(type: TensorType, values: Any) -> np.ndarray:
    """An input as C takes it: elements one after another."""
    kind = np.int32 if type.kind is Kind.INDEX else np.float32
    return np.ascontiguousarray(values if type.time is None else np.concatenate(values), kind)


def built_steps(number: int, folder: Path) -> None:
    """Hold what the steps of a spec measure, and the state after them, against a session."""
    path = folder / "random.nn"
    path.write_text(text_of(number))
    training = gradc.compile_file(path).training
    for step in training.steps if training else ():
        made = BuiltStep(str(path.with_suffix("")), BATCH, folder / step.name, step.name)
        session = made.session
        given: Any = drawn(session.fields, BATCH, least=number % 2)
        for _ in range(TURNS):
            checked = session.checked(step.entry, given, session.fields)
            wanted, _ = session.once(step.entry, checked)
            assert made(checked) == 0
            measured = [float(value[0]) for value in wanted.values()]
            np.testing.assert_array_equal([float(one) for one in made.results], measured)
        assert made.bits() == session.memory.words.view(np.int32).tolist()


def test_models_of_random_specs(tmp_path: Path) -> None:
    assert sum(built_models(number, tmp_path / str(number)) for number in range(NARROW)) >= NARROW


def test_steps_of_a_random_spec(tmp_path: Path) -> None:
    built_steps(1, tmp_path)


@pytest.mark.wide
@pytest.mark.parametrize("number", range(NARROW, WIDE))
def test_many_random_specs(tmp_path: Path, number: int) -> None:
    built_models(number, tmp_path / "models")
    built_steps(number, tmp_path)
