"""Whatever a spec calls things: its C, its library, its Numba module, its ONNX file are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.onnx.export_file import exported
from tests.compiler.c.emitting import NEEDS_CC, Emitted
from tests.compiler.c.sequences import Sequences, joined
from tests.compiler.numba_module.emitting_numba import PLAIN, Module
from tests.compiler.numba_module.test_random_in_numba import asked, close
from tests.onnx.exporting import Examples, opened
from tests.runtime.embed.building import Built
from tests.runtime.embed.hostile_names import ROLES, every_name, nasty_names, specs
from tests.runtime.embed.test_random_built import model_agrees

COUNT = 3
TURNS = [0, *(pytest.param(turn, marks=pytest.mark.wide) for turn in range(1, ROLES))]


def in_c(text: str, folder: Path) -> None:
    """The model and the step as C, compiled beside files of their own names."""
    program = gradc.compile_source(text)
    (model,), reference = program.models, gradc.Session(program, "reference", "float64", seed=0)
    flags = ["-O0", "-I."]
    made = Emitted(text, f"forward/{model}", folder / "run", dtype="float64", flags=flags)
    given = Sequences(made, COUNT)
    wanted = reference.run(model, **given.of_session)
    for found, value in zip(given.run().values(), wanted.values(), strict=True):
        np.testing.assert_allclose(found, joined(value), 1e-9, 1e-12, err_msg=text)
    (step,) = reference.training.steps
    stepped = Emitted(text, step.entry, folder / "step", dtype="float64", flags=flags)
    stepped.start()
    again = Sequences(stepped, COUNT)
    for _ in range(2):
        measured = [*reference.step(**again.of_session).values()]
        np.testing.assert_allclose(again.step(), measured, 1e-9, err_msg=text)


def in_numba(text: str, folder: Path) -> None:
    """Every function of the module."""
    made = Module(text, folder, "hostile", "float64", "reference")
    (model,), calls = made.program.models, asked(made, 0)
    given = []
    for what, own, _ in calls:
        function = "predict" if what == model else what
        names = arguments(made.text, function)
        given.append((function, {names.get(key, key): value for key, value in own.items()}))
    for (what, _, value), found in zip(calls, made.run(given, PLAIN), strict=True):
        close(found, value, f"{what} of\n{text}")


def arguments(text: str, function: str) -> dict[str, str]:
    """What a function of a module calls its inputs."""
    other = re.search(rf"^{function} = (\w+)$", text, re.M)
    body = text.partition(f"\ndef {other[1] if other else function}(")[2].partition("\n\n\n")[0]
    pairs = re.findall(r"(?:given|sequences)\((\w+), '(\w+)'", body)
    return {key: own for own, key in pairs}


def in_onnx(text: str) -> None:
    """The model in onnxruntime."""
    program = gradc.compile_source(text)
    (model,), session = program.models, gradc.Session(program, "reference", seed=0)
    examples = Examples(program.inputs[model], COUNT)
    runner, wanted = opened(exported(session, model)), session.run(model, **examples.ours)
    names = [value.name for value in runner.get_outputs()]
    for name, found in zip(names, runner.run(names, examples.theirs), strict=True):
        np.testing.assert_allclose(found, wanted[name], 1e-5, 1e-5, err_msg=text)


@NEEDS_CC
@pytest.mark.parametrize("turn", TURNS)
def test_nasty_names(tmp_path: Path, turn: int) -> None:
    for number, text in enumerate(specs(nasty_names(), turn)):
        (folder := tmp_path / str(number)).mkdir()
        in_c(text, folder)
        in_numba(text, folder)
        in_onnx(text)


@NEEDS_CC
@pytest.mark.wide
@pytest.mark.parametrize("turn", range(ROLES))
def test_every_name(tmp_path: Path, turn: int) -> None:
    for number, text in enumerate(specs(every_name(), turn)):
        (folder := tmp_path / str(number)).mkdir()
        in_c(text, folder)
        in_numba(text, folder)
        in_onnx(text)


def library(text: str, folder: Path) -> None:
    """The model in a library of its own."""
    program: Any = gradc.compile_source(text, without=("whole-step",))
    (model,) = program.models
    made = Built(gradc.Session(program, threads=1, seed=0), model, folder)
    model_agrees(made, program.inputs[model], COUNT)


@NEEDS_CC
@pytest.mark.wide
@pytest.mark.parametrize("turn", range(ROLES))
def test_libraries(tmp_path: Path, turn: int) -> None:
    for number, text in enumerate(specs(nasty_names(), turn)):
        library(text, tmp_path / str(number))
