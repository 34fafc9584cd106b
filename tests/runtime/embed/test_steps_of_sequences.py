"""A built step on sequences: lengths beside the data, the bits of `Session.step`."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.ragged import length_key
from tests.runtime.embed.building import NEEDS_CC, pointer
from tests.runtime.embed.building_steps import BuiltStep

pytestmark = NEEDS_CC
STEPS = [("row_digits", 16, None), ("translate", 40, None), ("caption", 16, None),
         ("adding", 50, None), ("memory", 20, "gated")]  # fmt: skip


@pytest.mark.parametrize(("spec", "batch", "name"), STEPS)
def test_bits_of_the_trainer(tmp_path: Path, spec: str, batch: int, name: str | None) -> None:
    made = BuiltStep(spec, batch, tmp_path, name)
    named = made.step.entry, made.step
    for number in range(4):
        inputs = made.inputs(number)
        batches = made.session.checked(named[0], inputs, made.session.fields)
        wanted, _ = made.session.once(named[0], batches)
        assert made(inputs) == 0
        assert [float(one) for one in made.results] == [float(v[0]) for v in wanted.values()]
    assert made.bits() == made.session.memory.words.view(np.int32).tolist()


def test_lengths_that_do_not_fit(tmp_path: Path) -> None:
    made = BuiltStep("row_digits", 3, tmp_path)
    inputs, before = made.inputs(0), made.bits()
    read, (lengths,) = made.given(inputs)
    memory = np.zeros(size := made.workspace((lengths,)), np.uint8)
    place, whole = pointer(memory), ctypes.c_size_t(size)

    def code(own: np.ndarray | None, room: ctypes.c_size_t = whole) -> str:
        arrays = [made.state, *read, own, *made.results]
        return made.message(made.function("step")(*map(pointer, arrays), 3, place, room))

    wrong = lengths.copy()
    wrong[1] = -1
    assert "a length is negative" in code(wrong) and made.workspace((wrong,)) == 0
    assert "a pointer is null" in code(None)
    assert "too few bytes" in code(lengths, ctypes.c_size_t(size - 1))
    longer = lengths.copy()
    longer[2] += 1
    assert made.workspace((longer,)) > size and "too few bytes" in code(longer)
    longer[:] = np.iinfo(np.int32).max
    assert "too few bytes" in code(longer)
    assert made.bits() == before and code(lengths) == "all is well" and made.bits() != before


def test_examples_without_elements(tmp_path: Path) -> None:
    made = BuiltStep("memory", 8, tmp_path, "plain")
    inputs = made.inputs(0)
    (name,) = made.interface.lengths.values()
    lengths = inputs[length_key(name)].copy()
    lengths[3] = 0
    start = int(inputs["xs"].starts[3])
    kept = np.delete(inputs["xs"].values, slice(start, start + int(inputs["xs"].lengths[3])), 0)
    inputs |= {"xs": type(inputs["xs"])(kept, lengths), length_key(name): lengths}
    batches = made.session.checked(made.step.entry, inputs, made.session.fields)
    made.session.once(made.step.entry, batches)
    assert made(inputs) == 0
    assert made.bits() == made.session.memory.words.view(np.int32).tolist()
