"""Weights by themselves: what a file has, float16 out and in, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import gradc
from gradc_runtime.system.errors import CheckpointError, SessionError

MODEL = """
model f(x : [4, 4, 1]) -> [3] { x |> conv(3, 3x3) |> batch_norm |> relu |> flatten |> dense(3) }
data d(x : [4, 4, 1], label : class(3)) = npz("d.npz")
train on d { minimize cross_entropy(f(x), label) using adam(lr = 0.01), batch 4 }
"""
RNG = np.random.default_rng(2)
X, LABEL = RNG.normal(size=(8, 4, 4, 1)), RNG.integers(0, 3, 8)


def trained(target: str = "cpu") -> gradc.Session:
    session = gradc.Session(gradc.compile_source(MODEL), target, seed=1)
    for _ in range(3):
        session.step(x=X, label=LABEL)
    return session


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize("precision", ["float32", "f16"])
def test_weights_come_back(tmp_path: Path, target: str, precision: str) -> None:
    session, path = trained(target), tmp_path / "w.safetensors"
    session.save_weights(path, precision)
    kind = np.float16 if precision == "f16" else np.float32
    stored = load_file(path)
    roles = {p.name: p.role for p in session.program.persistents}
    assert {roles[name] for name in stored} == {"parameter", "state"}
    assert len(stored) == sum(role in ("parameter", "state") for role in roles.values())
    assert all(a.dtype == kind for a in stored.values() if a.dtype.kind == "f")
    other = gradc.Session(gradc.compile_source(MODEL), target, seed=7)
    other.load(path)
    for name in stored:
        wanted = session.memory.views[name].astype(stored[name].dtype)
        np.testing.assert_array_equal(other.memory.views[name], wanted)
    found, wanted = (s.run("f", x=X) for s in (other, session))
    np.testing.assert_allclose(found, wanted, atol=2e-2 if precision == "f16" else 0)
    other.step(x=X, label=LABEL)  # what the optimizer keeps is as at the start


def test_half_the_room(tmp_path: Path) -> None:
    session = gradc.Session(gradc.compile_source("model f(x : [99]) -> [99] { dense(99)(x) }"))
    sizes = []
    for precision in ("float32", "f16"):
        session.save_weights(tmp_path / precision, precision)
        sizes.append((tmp_path / precision).stat().st_size)
    assert sizes[1] < 0.52 * sizes[0]


def test_numbers_beyond_float16_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    session, path = trained(), tmp_path / "w.safetensors"
    session.parameters["f.dense1.b"][1] = 65536
    with pytest.raises(SessionError, match=r"f\.dense1\.b has 65536, and float16 ends at 65504"):
        session.save_weights(path, "f16")
    with pytest.raises(SessionError, match="stored in float32 or f16, not in bf16"):
        session.save_weights(path, "bf16")
    assert not path.exists()


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    trained().save_weights(path, "f16")
    other = gradc.Session(gradc.compile_source(MODEL.replace("conv(3,", "conv(4,")))
    with pytest.raises(CheckpointError, match=r"f\.conv1\.W is float16 \[3, 3, 3, 1\]"):
        other.load(path)
