"""Specs as Numba modules, run in a process that cannot import gradc, beside a session."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

import gradc
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.numba_module.module_names import module_name
from gradc_compiler.numba_module.module_source import emit_numba
from gradc_compiler.pipeline import compilation

SPECS = Path(__file__).parents[3] / "specs"
CHILD = """
import sys
for name in ("gradc", "gradc_compiler", "gradc_runtime"):
    sys.modules[name] = None
import pickle
import numpy as np
calls = pickle.load(open("calls.pickle", "rb"))
import {module} as module
state, found = module.start(), []
for name, given in calls:
    found.append(getattr(module, name)(state, **given))
module.save(state, "after.safetensors")
pickle.dump(found, open("found.pickle", "wb"))
"""
SOONER = {**os.environ, "NUMBA_OPT": "1"}  # these tests wait for compilers, not for loops
PLAIN = {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore"}  # numbers that wrap are meant
Call = tuple[str, Mapping[str, Any]]


class Module:
    """A spec as a module, beside a session of it."""

    def __init__(
        self, text: str, folder: Path, name: str, dtype: str = "float32", target: str = "cpu"
    ) -> None:
        made = compilation(Source(f"{name}.nn", text), SPECS, {}, ())
        self.program, self.folder = made.program, folder
        self.session = gradc.Session(made.program, target, dtype, threads=1, seed=0)
        self.session.tables.ready()
        self.name = module_name(name)
        memory = self.session.memory
        for file, content in emit_numba(made, memory.views, memory.words.itemsize).items():
            data = content if isinstance(content, bytes) else content.encode()
            (folder / file).write_bytes(data)
        self.text = (folder / f"{self.name}.py").read_text()

    def run(self, calls: Sequence[Call], env: Mapping[str, str] = {}) -> list[Any]:
        """What calls give, one after another on one state."""
        (self.folder / "calls.pickle").write_bytes(pickle.dumps(list(calls)))
        command = [sys.executable, "-c", CHILD.format(module=self.name)]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False,
            env={**SOONER, **env},
        )
        assert done.returncode == 0, done.stderr
        return list(pickle.loads((self.folder / "found.pickle").read_bytes()))


def module_of(spec: str, folder: Path, dtype: str = "float32") -> Module:
    """One of the specs."""
    return Module((SPECS / f"{spec}.nn").read_text(), folder, spec, dtype)


def drawn(
    types: Mapping[str, TensorType], count: int, longest: int = 6, least: int = 1
) -> dict[str, Any]:
    """Random inputs; sequences of one time are as long as one another."""
    rng = np.random.default_rng(0)
    lengths: dict[Any, Any] = {}
    found: dict[str, Any] = {}

    def one(type: TensorType, shape: tuple[int, ...]) -> Any:
        if type.kind is Kind.INDEX:
            return rng.integers(0, type.classes or 1, shape)
        return rng.random(shape)

    for name, type in types.items():
        if type.time is None:
            found[name] = one(type, (count, *type.shape))
            continue
        fixed = isinstance(type.time, int)
        own = [type.time] * count if fixed else rng.integers(least, longest + 1, count)
        own = lengths.setdefault(type.time, own)
        found[name] = [one(type, (int(k), *type.shape)) for k in own]
    return found


def compare(found: Any, wanted: Any, **bounds: Any) -> None:
    """Equal within bounds, whatever holds the arrays."""
    if isinstance(wanted, Mapping):
        assert found.keys() == wanted.keys()
        for name in wanted:
            compare(found[name], wanted[name], **bounds)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            compare(a, b, **bounds)
    else:
        np.testing.assert_allclose(found, wanted, **bounds)


def trained_beside(made: Module, steps: int, count: int, **bounds: float) -> None:
    """So many steps measure what a session's measure, and leave the same parameters."""
    session, inputs = made.session, drawn(made.session.fields, count)
    for measured in made.run([("step", inputs)] * steps):
        compare(measured, session.step(**inputs), **bounds)
    after = load_file(made.folder / "after.safetensors")
    for name, value in session.parameters.items():
        np.testing.assert_allclose(after[name], value, **bounds)


def differentiated_beside(made: Module, count: int, **bounds: float) -> None:
    """The first step's gradients are a session's."""
    (first, *others) = made.session.training.steps
    mark = f"_{first.name}" if others else ""
    read = made.session.inputs(first.gradients)
    inputs = {n: v for n, v in drawn(made.session.fields, count).items() if n in read}
    (found,) = made.run([(f"loss_and_gradients{mark}", inputs)])
    compare(list(found), list(made.session.gradients(first.name, **inputs)), **bounds)


def run_beside(made: Module, model: str, count: int, **bounds: float) -> None:
    """A model gives what a session's does."""
    inputs = drawn(made.program.inputs.get(model, {}), count)
    name = "predict" if len(made.program.models) == 1 else model
    (found,) = made.run([(name, inputs or {"examples": count})])
    compare(found, made.session.run(model, *([] if inputs else [count]), **inputs), **bounds)
