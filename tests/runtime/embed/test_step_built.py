"""A built step of training: the bits of `Session.step`, its state saved and loaded."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from gradc_runtime.embed.frozen_step import frozen_step
from gradc_runtime.weights.safetensors_file import safetensors_bytes
from tests.runtime.embed.building import NEEDS_CC, pointer
from tests.runtime.embed.building_steps import BuiltStep

pytestmark = NEEDS_CC


@pytest.mark.parametrize(("spec", "batch"), [("mnist_cnn", 32), ("circle", 16), ("vae", 32),
                                             ("oscillator", 32)])  # fmt: skip
def test_bits_of_the_trainer(tmp_path: Path, spec: str, batch: int) -> None:
    made = BuiltStep(spec, batch, tmp_path)
    for number in range(12):
        inputs = made.inputs(number)
        wanted = made.session.step(**inputs)
        assert made(inputs) == 0
        assert [float(result) for result in made.results] == list(wanted.values())
    assert made.bits() == made.session.memory.words.view(np.int32).tolist()


def test_steps_in_turn_share_a_state(tmp_path: Path) -> None:
    made = [BuiltStep("gan", 16, tmp_path / n, n) for n in ("discriminator", "generator")]
    session = made[0].session
    for number in range(3):
        inputs = made[0].inputs(number)
        session.step(**inputs)
        assert made[0](inputs) == 0
        made[1].state[:] = made[0].state
        assert made[1](inputs) == 0
        made[0].state[:] = made[1].state
    assert made[0].bits() == session.memory.words.view(np.int32).tolist()


def test_a_state_in_a_file(tmp_path: Path) -> None:
    made = BuiltStep("circle", 16, tmp_path)
    path, other = str(tmp_path / "kept").encode(), str(tmp_path / "none").encode()
    made(made.inputs(0))
    save, load = made.function("save"), made.function("load")
    assert save(pointer(made.state), path) == 0
    kept = made.bits()
    made(made.inputs(1))
    after = made.bits()
    assert load(pointer(made.state), path, None) == 0 and made.bits() == kept
    made(made.inputs(1))
    assert made.bits() == after
    content = Path(path.decode()).read_bytes()
    for spoilt in (content[:-1], b"x" + content[1:], content[:9], b""):
        Path(other.decode()).write_bytes(spoilt)
        said = made.message(load(pointer(made.state), other, None))
        assert said == "a file is no safetensors file, or is cut off"
        assert made.bits() == after
    said = made.message(save(pointer(made.state), b"/no/folder/file"))
    assert said == "a file cannot be read or written"
    assert load(pointer(made.state), None, None) == load(None, path, None) == -1
    assert made.function("start")(None) == save(None, path) == save(pointer(made.state), None) == -1
    kept = load_file(path.decode())
    for one in made.session.program.persistents:
        wanted = made.session.memory.views[one.name]
        assert kept[one.name].dtype == wanted.dtype and kept[one.name].shape == wanted.shape


def test_a_state_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    """The tensors before a counter of 2^40 were taken over, and then a code was answered."""
    made = BuiltStep("circle", 16, tmp_path)
    made(made.inputs(0))
    path = tmp_path / "kept"
    assert made.function("save")(pointer(made.state), str(path).encode()) == 0
    kept = {name: np.asarray(value) for name, value in load_file(path).items()}
    counters = [name for name, value in kept.items() if value.dtype == np.int32]
    before = made.bits()
    for name in counters:
        wrong = {n: value + 1 if value.dtype == np.float32 else value for n, value in kept.items()}
        wrong[name] = np.full(kept[name].shape, 2**40)
        path.write_bytes(safetensors_bytes({n: np.asarray(value) for n, value in wrong.items()}))
        told = ctypes.c_char_p()
        code = made.function("load")(pointer(made.state), str(path).encode(), ctypes.byref(told))
        assert "another type of number" in made.message(code) and told.value == name.encode()
        assert made.bits() == before
    assert counters


def test_faults_of_a_step(tmp_path: Path) -> None:
    made = BuiltStep("circle", 16, tmp_path)
    inputs, before = made.inputs(0), made.bits()
    assert "too few bytes" in made.message(made(inputs, made.size - 1))
    made.batch = 15
    assert "number of examples" in made.message(made(inputs))
    made.batch = 16
    assert made.function("workspace", ctypes.c_size_t)(15) == 0
    labels = [name for name, values in inputs.items() if values.dtype == np.int32]
    for name in labels:
        wrong = inputs | {name: inputs[name] + 7}
        assert "none of its classes" in made.message(made(wrong)) or "not one" in made.message(
            made(wrong)
        )
    assert made.bits() == before


def test_the_state_has_names(tmp_path: Path) -> None:
    made = BuiltStep("circle", 16, tmp_path)
    header = (tmp_path / "train.h").read_text()
    assert "struct train_state {" in header and "#define TRAIN_BATCH 16" in header
    for one in made.session.program.persistents:
        name = "".join(c if c.isalnum() else "_" for c in one.name)
        assert f" {name}[{one.type.size}];" in header


def test_a_schedule_that_has_ended(tmp_path: Path) -> None:
    made = BuiltStep("oscillator", 64, tmp_path)
    place, rows = frozen_step(made.session, made.step, 64).schedule
    made.state.view(np.int32)[place] = rows - 1
    assert made(made.inputs(0)) == 0
    assert "no more steps" in made.message(made(made.inputs(0)))
