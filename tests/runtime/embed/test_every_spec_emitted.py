"""`gradc build --emit c`, `--emit wasm` and `--emit numba`, of every model and step of every spec.

    pytest -m "wide or not wide" tests/runtime/embed/test_every_spec_emitted.py

What the command writes is compiled strictly and held against a session; of Numba's module only that
the command writes what `tests/compiler/numba_module` runs (`test_every_function`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.types import Kind
from gradc_compiler.numba_module.module_source import emit_numba
from gradc_compiler.pipeline import compilation
from gradc_runtime.cli.run_command import run
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from tests.compiler.c.emitting import NEEDS_CC, Emitted
from tests.compiler.c.sequences import Sequences, joined
from tests.compiler.numba_module.emitting_numba import drawn
from tests.runtime.embed.building import SPECS
from tests.runtime.embed.test_every_spec import MODELS, NAMES, named, opened
from tests.runtime.embed.test_wasm import NEEDS_CLANG, NEEDS_NODE, in_node

COUNT, STEPS = 5, 3
BOUNDS = {"float32": 3e-4, "float64": 1e-9}  # reports may count what rounding moves over a bound


def emitted_by_command(session: Session, spec: str, folder: Path, *words: str) -> dict[str, str]:
    """What `gradc build --emit` writes with a session's weights."""
    weights = folder.parent / "weights.safetensors"
    session.save(weights)
    own = ["--weights", str(weights), "-o", str(folder)]
    assert run(["build", str(SPECS / f"{spec}.nn"), *words, *own]) == 0
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix != ".wasm"}


def in_c(
    spec: str, entry: str, folder: Path, batch: int = 1, dtype: str = "float32"
) -> Emitted:  # fmt: skip
    """An entry as C, compiled strictly."""
    session = opened(spec, dtype=dtype)
    session.tables.ready()
    text, views = (SPECS / f"{spec}.nn").read_text(), session.memory.views
    about = {"values": views, "batch": batch, "dtype": dtype}
    return Emitted(text, entry, folder, f"{spec}.nn", flags=["-O1"], **about)


def arrays_of(found: Any) -> dict[str, Any]:
    """A model's outputs by name."""
    return found if isinstance(found, dict) else {"only": found}


@NEEDS_CC
@pytest.mark.parametrize("name", MODELS)
def test_a_model_as_c(tmp_path: Path, name: str) -> None:
    spec, model = name.split("/")
    made = in_c(spec, f"forward/{model}", tmp_path / "by_hand")
    texts = emitted_by_command(opened(spec), spec, tmp_path / "made", model, "--emit", "c")
    assert sorted(texts.values()) == sorted([made.source, made.header])
    given = Sequences(made, COUNT)
    inputs = given.of_session
    wanted = arrays_of(made.session.run(model, *([] if inputs else [COUNT]), **inputs))
    for found, value in zip(given.run().values(), wanted.values(), strict=True):
        value = joined(value).reshape(found.shape)
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=3e-6)


@NEEDS_CC
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("spec", named(NAMES))
def test_its_steps_as_c(tmp_path: Path, spec: str, dtype: str) -> None:
    session = opened(spec, dtype=dtype)
    batch = resolve(session.training.settings).batch
    for step in session.training.steps:
        made = in_c(spec, step.entry, tmp_path / step.name, batch, dtype)
        words = step.name, "--emit", "c", "--what", "step", "--dtype", dtype
        folder = tmp_path / f"{step.name}_made"
        texts = emitted_by_command(opened(spec, dtype=dtype), spec, folder, *words)
        assert sorted(texts.values()) == sorted([made.source, made.header])
        made.start()
        given, own = Sequences(made, batch, least=1), made.session
        inputs = given.of_session or drawn(own.fields, batch)  # which say how many, if unread
        for _ in range(STEPS):
            results, _ = own.once(step.entry, own.checked(step.entry, inputs, own.fields))
            wanted = [float(results[result.name][0]) for result in made.entry.results]
            found, compared = given.step(), 1 if dtype == "float32" else len(wanted)
            np.testing.assert_allclose(found[:compared], wanted[:compared], BOUNDS[dtype], 1e-6)


@NEEDS_CLANG
@NEEDS_NODE
@pytest.mark.parametrize("name", MODELS)
def test_a_model_as_wasm(tmp_path: Path, name: str) -> None:
    spec, model = name.split("/")
    made = in_c(spec, f"forward/{model}", tmp_path / "by_hand")
    emitted_by_command(opened(spec), spec, tmp_path / "made", model, "--emit", "wasm")
    given = Sequences(made, COUNT)
    inputs = given.of_session
    wanted = arrays_of(made.session.run(model, *([] if inputs else [COUNT]), **inputs))
    told: dict[str, Any] = {
        key: [int(v) if given.types[key].kind is Kind.INDEX else float(v) for v in values.flat]
        for key, values in given.inputs.items()
    }
    for time, lengths in given.lengths.items():
        if isinstance(time, str):
            told[f"{time}_lengths"] = lengths.tolist()
    (found,) = in_node(tmp_path / "made", made.name, (told, COUNT if not inputs else None))
    assert not isinstance(found, str), found
    many = found if isinstance(found, dict) else {"only": found}
    for key, value in wanted.items():
        flat = joined(value).reshape(-1)
        np.testing.assert_allclose(many[key], flat, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("spec", named(NAMES))
def test_numba_by_command(tmp_path: Path, spec: str) -> None:
    session = opened(spec)
    texts = emitted_by_command(session, spec, tmp_path / "made", "--emit", "numba")
    session.tables.ready()
    made = compilation(Source(f"{spec}.nn", (SPECS / f"{spec}.nn").read_text()), SPECS, {}, ())
    wanted = emit_numba(made, session.memory.views, session.memory.words.itemsize)
    assert texts[f"{spec}.py"] == wanted[f"{spec}.py"]
