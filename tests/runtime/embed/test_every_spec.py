"""`gradc build` with its default settings, of every model and every step of every spec.

Each library is called by a C program compiled with -Wall -Wextra -Werror: linked to the archive, to
the shared library by pkg-config, and to both by CMake.  All of them give the bits of a session
without `whole-step`, so does the program that stands beside the library, and what `Session.run`
gives is the same to 1e-6.

    pytest -m "wide or not wide" tests/runtime/embed/test_every_spec.py
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import gradc
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import Program
from gradc_runtime.cli.run_command import run
from gradc_runtime.embed.frozen import frozen
from gradc_runtime.embed.frozen_step import frozen_step
from gradc_runtime.embed.interface import CInterface
from gradc_runtime.embed.step_interface import StepInterface
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from tests.compiler.numba_module.emitting_numba import drawn
from tests.runtime.embed.building import NEEDS_CC, SPECS
from tests.runtime.embed.c_programs import STRICT, model_program, put, ran, step_program

pytestmark = NEEDS_CC
COUNT, STEPS = 5, 3
NAMES = {  # of the models of each spec, found without compiling it
    path.stem: re.findall(r"^model (\w+)", path.read_text(), re.M)
    for path in sorted(SPECS.glob("*.nn"))
}
SOON = {"circle/inside", "tagging/digit", "vae/generate", "house"}
CMAKE = """cmake_minimum_required(VERSION 3.10)
project(main C)
find_package(NAME CONFIG REQUIRED PATHS "${CMAKE_CURRENT_SOURCE_DIR}")
add_compile_options(FLAGS)
add_executable(shared main.c)
target_link_libraries(shared NAME::NAME)
add_executable(static main.c)
target_link_libraries(static NAME::static)
"""


def named(names: Iterable[str]) -> list[Any]:
    """A test for each; most of them are wide."""
    wide = (pytest.mark.wide,)
    return [pytest.param(name, marks=() if name in SOON else wide, id=name) for name in names]


MODELS = named(f"{spec}/{model}" for spec, models in NAMES.items() for model in models)


@cache
def program_of(spec: str, *without: str) -> Program:
    """A spec, compiled once."""
    return gradc.compile_file(SPECS / f"{spec}.nn", without=without)


def opened(spec: str, *without: str, dtype: str = "float32") -> Session:
    """A session of one thread with its first weights."""
    return gradc.Session(program_of(spec, *without), dtype=dtype, threads=1, seed=0)


def in_c(interface: CInterface, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Inputs by the names that C has for them: elements one after another, lengths beside them."""
    found = {}
    for name, array in interface.arguments.items():
        if array.role == "input":
            values = given[str(array.name)]
            kind = np.int32 if array.type.kind is Kind.INDEX else np.float32
            flat = np.concatenate(values) if array.type.time is not None else values
            found[name] = np.ascontiguousarray(flat, kind)
    for name, time in interface.lengths.items():
        found[name] = np.array(lengths_of(interface, given, time), np.int32)
    return found


def lengths_of(interface: CInterface, given: Mapping[str, Any], time: str) -> list[int]:
    """How many elements each example has."""
    inputs = interface.model.arrays("input")
    first = next(str(array.name) for array in inputs if array.type.time == time)
    return [len(one) for one in given[first]]


def rows(type: TensorType, found: Any) -> np.ndarray:
    """What a session gives, as C writes it."""
    kind = np.int32 if type.kind is Kind.INDEX else np.float32
    whole = np.concatenate([*found]) if type.time is not None else found
    return np.asarray(whole).astype(kind)


def wanted(session: Session, model: str, interface: CInterface, given: Any) -> dict[str, Any]:
    """What a session gives, by C's names of the outputs."""
    found = session.run(model, *([] if given else [COUNT]), **given)
    arrays = {name: interface.arguments[name] for name in interface.written}
    many = found if isinstance(found, dict) else {str(a.name): found for a in arrays.values()}
    return {name: rows(a.type, many[str(a.name)]) for name, a in arrays.items()}


def compiled(name: str, folder: Path, flags: list[str]) -> Iterator[list[str]]:
    """The program in `main.c`, linked in four ways; the command that runs each."""
    ran(["cc", *STRICT, *flags, "main.c", f"lib{name}.a", "-lm", "-o", "by_archive"], folder)
    yield ["./by_archive"]
    if shutil.which("pkg-config"):
        own = ran(["pkg-config", "--cflags", "--libs", f"./{name}.pc"], folder).split()
        there = ["-Wl,-rpath,$ORIGIN", "-o", "by_package"]
        ran(["cc", *STRICT, *flags, "main.c", *own, *there], folder)
        yield ["./by_package"]
    if shutil.which("cmake"):
        text = CMAKE.replace("NAME", name).replace("FLAGS", " ".join([*STRICT, *flags]))
        (folder / "CMakeLists.txt").write_text(text)
        ran(["cmake", "-S", ".", "-B", "b"], folder)
        ran(["cmake", "--build", "b"], folder)
        yield from (["b/shared"], ["b/static"])


def written(folder: Path, shapes: Mapping[str, Any]) -> dict[str, Any]:
    """What a program wrote; the files are removed, so that none is read twice."""
    found = {}
    for name, (shape, kind) in shapes.items():
        path = folder / f"{name}.out"
        found[name] = np.frombuffer(path.read_bytes(), kind).reshape(shape)
        path.unlink()
    return found


def by_program(interface: CInterface, folder: Path, given: Mapping[str, np.ndarray]) -> Any:
    """What the program beside the library says of the same inputs."""
    for name, values in given.items():
        np.save(folder / f"{name}.npy", values)
    words = [f"{name}={name}.npy" for name in given] or ["--examples", str(COUNT)]
    for name in interface.written:
        ran([f"./{interface.name}", *words, "--output", name, "-o", "said.npy"], folder)
        yield name, np.load(folder / "said.npy")


def build_as_default(session: Session, spec: str, folder: Path, *words: str) -> None:
    """`gradc build` with a session's weights; what a step starts from is in them too."""
    session.save(folder / "weights.safetensors")
    own = ["--weights", str(folder / "weights.safetensors"), "-o", str(folder)]
    assert run(["build", str(SPECS / f"{spec}.nn"), *own, *words]) == 0


@pytest.mark.parametrize("name", MODELS)
def test_a_model(tmp_path: Path, name: str) -> None:
    spec, model = name.split("/")
    session = opened(spec)
    build_as_default(session, spec, tmp_path, model)
    interface = CInterface(frozen(session, model))
    given = drawn(program_of(spec).inputs.get(model, {}), COUNT)
    read = in_c(interface, given)
    bits = wanted(opened(spec, "whole-step"), model, interface, given)
    for name, values in wanted(session, model, interface, given).items():
        np.testing.assert_allclose(bits[name], values, rtol=1e-6, atol=1e-6)
    text = model_program(interface, COUNT, {name: bits[name].size for name in bits})
    (tmp_path / "main.c").write_text(text)
    shapes = {name: (values.shape, values.dtype) for name, values in bits.items()}
    for command in compiled(interface.name, tmp_path, put(tmp_path, read)):
        ran(command, tmp_path)
        for name, values in written(tmp_path, shapes).items():
            np.testing.assert_array_equal(values, bits[name], str(command))
    for name, values in by_program(interface, tmp_path, read):
        np.testing.assert_array_equal(values, bits[name])


@pytest.mark.parametrize("spec", named(NAMES))
def test_its_steps(tmp_path: Path, spec: str) -> None:
    training = program_of(spec).training
    assert training and [*program_of(spec).models] == NAMES[spec]
    for step in training.steps:
        (folder := tmp_path / step.name).mkdir()
        step_in_c(spec, step.name, folder)


def step_in_c(spec: str, name: str, folder: Path) -> None:
    """A step by name, some times on one batch: what is measured, the state, and its file."""
    session = opened(spec)
    build_as_default(session, spec, folder, name, "--what", "step")
    step, batch = session.named_step(name), resolve(session.training.settings).batch
    interface = StepInterface(frozen_step(session, step, batch))
    given = drawn(session.fields, batch)  # all of them: a step may read none
    measured = []
    for _ in range(STEPS):
        found, _ = session.once(step.entry, session.checked(step.entry, given, session.fields))
        measured.append([float(value[0]) for value in found.values()])
    (folder / "main.c").write_text(step_program(interface, STEPS))
    flags = put(folder, in_c(interface, given))
    shapes = dict.fromkeys(interface.written, ((STEPS,), np.float32))
    for command in compiled(interface.name, folder, flags):
        ran(command, folder)
        own = written(folder, shapes)
        np.testing.assert_array_equal(np.transpose([*own.values()]), measured)
        state = np.frombuffer((folder / "state.out").read_bytes(), np.uint32)
        np.testing.assert_array_equal(state, session.memory.words.view(np.uint32))
    saved = load_file(folder / "state.safetensors")
    for one in session.program.persistents:
        np.testing.assert_array_equal(saved[one.name], session.memory.views[one.name])
