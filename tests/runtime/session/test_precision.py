"""Sessions in bf16 and tf32: the numbers of a model of each, threads, float32 beside it; what is
refused.
"""

from __future__ import annotations

import os
from functools import partial

import numpy as np
import pytest

import gradc
from gradc_runtime.system.errors import CheckpointError, SessionError
from gradc_runtime.training.position import require_same

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
TARGETS = ["cuda"] if SIMULATED else ["reference", "cpu"]
MODEL = """
model f(x : [7]) -> [3] { x |> dense(33) |> tanh |> dense(3) }
data d(x : [7], label : class(3)) = npz("d.npz")
train on d { minimize cross_entropy(f(x), label) using sgd(lr = 0.1), batch 4 }
"""
RNG = np.random.default_rng(3)
X = RNG.normal(size=(19, 7)).astype(np.float32)
LABEL = RNG.integers(0, 3, 19)


DIGITS = {"bf16": 8, "tf32": 11}
PRECISION = pytest.mark.parametrize("precision", DIGITS)


def bfloat16(x: np.ndarray, digits: int = 8) -> np.ndarray:
    """Rounded by way of sums, which no bits are looked at for: to the nearest, ties to even."""
    unit = 2.0 ** (np.floor(np.log2(np.abs(x.astype(np.float64)))) - digits + 1)
    return np.where(x == 0, 0, np.rint(x / unit) * unit)


def by_hand(p: dict[str, np.ndarray], digits: int) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients, float64 but for the operands of the five products."""
    r, names = partial(bfloat16, digits=digits), [f"f.dense{k}.{n}" for k in (1, 2) for n in "Wb"]
    w, b, v, c = (np.asarray(p[name], "f8") for name in names)
    h = np.tanh(r(X) @ r(w).T + b)
    z = r(h) @ r(v).T + c
    q = np.exp(z - z.max(1, keepdims=True))
    q /= q.sum(1, keepdims=True)
    loss = -np.log(q[np.arange(19), LABEL]).mean()
    dz = q - np.eye(3)[LABEL]
    da = (r(dz) @ r(v)) * (1 - h * h)
    found = {"f.dense1.W": r(da).T @ r(X), "f.dense1.b": da.sum(0)}
    found |= {"f.dense2.W": r(dz).T @ r(h), "f.dense2.b": dz.sum(0)}
    return loss, {name: g / 19 for name, g in found.items()}


@PRECISION
@pytest.mark.parametrize("target", TARGETS)
def test_loss_and_gradients_are_those_of_rounded_operands(target: str, precision: str) -> None:
    session = gradc.Session(gradc.compile_source(MODEL), target, precision=precision)
    loss, gradients = session.gradients(x=X, label=LABEL)
    wanted, slopes = by_hand(dict(session.parameters), DIGITS[precision])
    assert loss == pytest.approx(wanted, abs=2e-5)
    for name, slope in slopes.items():
        np.testing.assert_allclose(gradients[name], slope, atol=4e-4 * np.abs(slope).max())
    plain = gradc.Session(gradc.compile_source(MODEL), target).gradients(x=X, label=LABEL)[1]
    for name, slope in plain.items():  # and not those of float32, but near
        off = np.abs(gradients[name] - slope).max() / np.abs(slope).max()
        assert 0.01 < off * 2.0 ** DIGITS[precision] < 4


LARGE = (
    MODEL.replace("[7]", "[70]").replace("33", "130").replace("[3]", "[30]").replace("3)", "30)")
)


@PRECISION
@pytest.mark.skipif(not SIMULATED, reason="tensor cores")
def test_products_in_tiles_are_those_of_rounded_operands(precision: str) -> None:
    """They are made by warps (`runtime/cuda/simulated_warp.py`), and sums of float32."""
    x = RNG.normal(size=(64, 70)).astype(np.float32)
    label = RNG.integers(0, 30, 64)
    program = gradc.compile_source(LARGE, precision=precision)
    found, wanted = (
        gradc.Session(program, target).gradients(x=x, label=label) for target in ("cuda", "cpu")
    )
    assert found[0] == pytest.approx(wanted[0], rel=1e-5)
    for name, slope in wanted[1].items():
        np.testing.assert_allclose(
            found[1][name], slope, atol=2.0 ** -DIGITS[precision] * np.abs(slope).max()
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_as_a_function_of_the_language(dtype: str) -> None:
    program = gradc.compile_source("model f(x : [40]) -> [40] { bfloat16(x * 3) }")
    x = np.random.default_rng(1).normal(size=(5, 40)).astype(dtype)
    for target in TARGETS if SIMULATED else (*TARGETS, "numba"):
        found = gradc.Session(program, target, dtype).run("f", x=x)
        np.testing.assert_array_equal(found, bfloat16((x * 3).astype(np.float32)))


@pytest.mark.skipif(SIMULATED, reason="threads of the CPU")
def test_threads_give_the_same_bits() -> None:
    runs = []
    for threads in (1, 2, 3):
        session = gradc.Session(gradc.compile_source(MODEL), threads=threads, precision="bf16")
        for _ in range(5):
            session.step(x=X, label=LABEL)
        runs.append(session.parameters["f.dense1.W"].tobytes())
    assert len(set(runs)) == 1


def test_other_precisions_and_float64_are_refused() -> None:
    program = gradc.compile_source(MODEL)
    with pytest.raises(SessionError, match="a precision is float32, tf32 or bf16, not f16"):
        gradc.Session(program, precision="f16")
    with pytest.raises(SessionError, match="precision bf16 goes with float32, not with float64"):
        gradc.Session(program, dtype="float64", precision="bf16")
    with pytest.raises(SessionError, match="precision tf32 goes with float32, not with float64"):
        gradc.Session(program, dtype="float64", precision="tf32")
    rounded = gradc.compile_source(MODEL, precision="bf16")
    with pytest.raises(SessionError, match="not with float64"):
        gradc.Session(rounded, dtype="float64")
    gradc.Session(rounded, dtype="float64", precision="float32")


def test_a_run_goes_on_in_its_precision() -> None:
    state = {
        "position": {}, "settings": {"batch": 4, "seed": 0, "held_out": 0.2},
        "examples": 19, "order": "rows", "precision": "bf16",
    }  # fmt: skip
    require_same(state, state)
    with pytest.raises(CheckpointError, match="started in precision bf16, not float32"):
        require_same(state, {**state, "precision": "float32"})
