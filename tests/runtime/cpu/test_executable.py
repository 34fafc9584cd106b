"""An entry run natively agrees with the same mathematics in NumPy, for any batch and threads."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_runtime.cpu.executable import MOST_PLANS, Executable
from gradc_runtime.system.errors import SessionError
from tests.runtime.cpu.entries import INPUTS, OUTPUTS, PARAMETERS, WEIGHTS, dense_training

RATE = 0.1


def parameters(dtype: type) -> NDArray[Any]:
    return np.random.default_rng(1).normal(size=PARAMETERS).astype(dtype)


def batches(count: int, dtype: type) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(2)
    return {
        "x": rng.normal(size=(count, INPUTS)).astype(dtype),
        "t": rng.normal(size=(count, OUTPUTS)).astype(dtype),
    }


def numpy_step(p: NDArray[Any], x: NDArray[Any], t: NDArray[Any]) -> tuple[Any, ...]:
    """The same training step, from the formulas."""
    weights, bias = p[:WEIGHTS].reshape(INPUTS, OUTPUTS), p[WEIGHTS:]
    y = np.maximum(x @ weights + bias, 0)
    g = 2 * (y - t) * (y > 0)
    gradient = np.concatenate([(x.T @ g).ravel(), g.sum(0)]) / len(x)
    return ((y - t) ** 2).sum() / len(x), y, gradient, p - RATE * gradient


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 4, 13, 64])
def test_training_step_agrees_with_numpy(dtype: type, count: int) -> None:
    p = parameters(dtype)
    data = batches(count, dtype)
    loss, y, gradient, after = numpy_step(p.astype(float), data["x"], data["t"])
    results, outputs = Executable(dense_training(), p, dtype).run(data)
    tolerance: Any = {"rtol": 2e-5, "atol": 1e-5} if dtype is np.float32 else {"rtol": 1e-12}
    np.testing.assert_allclose(results["loss"], [loss], **tolerance)
    np.testing.assert_allclose(outputs["y"], y, **tolerance)
    np.testing.assert_allclose(
        results["dW.T"][0], gradient[:WEIGHTS].reshape(INPUTS, OUTPUTS).T, **tolerance
    )
    np.testing.assert_allclose(p, after, **tolerance)


def test_many_steps_in_one_call_equal_many_calls() -> None:
    data = batches(6 * 10, np.float32)
    one, many = parameters(np.float32), parameters(np.float32)
    results, outputs = Executable(dense_training(), one, np.float32).run(data, steps=10)
    separate = Executable(dense_training(), many, np.float32)
    for k in range(10):
        part = {name: array[6 * k : 6 * k + 6] for name, array in data.items()}
        loss, y = separate.run(part)
        assert np.array_equal(loss["loss"][0], results["loss"][k])
        assert np.array_equal(y["y"], outputs["y"][6 * k : 6 * k + 6])
    assert np.array_equal(one, many)


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_do_not_change_a_bit(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_SHARING", 0.0)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_WAKING", 0.0)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.AGAIN", 1)
    data = batches(50 * 40, np.float32)
    one, many = parameters(np.float32), parameters(np.float32)
    first = Executable(dense_training(), one, np.float32).run(data, steps=40)
    second = Executable(dense_training(), many, np.float32, threads).run(data, steps=40)
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(a[name], b[name]) for name in a)
    assert np.array_equal(one, many)


def test_batch_sizes_may_alternate() -> None:
    p = parameters(np.float64)
    executable = Executable(dense_training(rate=0.0), p, np.float64)
    losses = [executable.run(batches(n, np.float64))[0]["loss"][0] for n in (5, 9, 5, 9)]
    assert losses[:2] == losses[2:]


def test_new_memory_is_used_as_it_is_and_cleared_where_borders_move() -> None:
    entry = replace(dense_training(), block_words=300)  # enough that small batches are cut evenly
    executable = Executable(entry, parameters(np.float32), np.float32)
    sizes = [executable._blocks.size for n in (1, 64, 1) if executable.plan(n)]
    assert sizes[0] < sizes[1] == sizes[2]  # as much as the largest tile needs
    executable._blocks[:] = 7
    executable.run(batches(1, np.float32))
    assert np.count_nonzero(executable._blocks == 7) > executable._blocks.size // 2
    blocks = {executable.plan(count).block for count in (1, 64)}
    executable.run(batches(64, np.float32))
    assert len(blocks) == 2 and not np.any(executable._blocks[-64:] == 7)


def test_batch_sizes_that_are_no_longer_used_give_their_memory_back() -> None:
    p = parameters(np.float64)
    executable = Executable(dense_training(rate=0.0), p, np.float64)
    first = executable.run(batches(3, np.float64))[0]["loss"][0]
    plans = []
    for count in range(3, 43):
        repeat = executable.repeat(batches(count, np.float64))
        assert repeat is not None
        plans.append(weakref.ref(executable.plan(count)))
        del repeat
    gc.collect()
    assert [plan() is not None for plan in plans] == [False] * 32 + [True] * MOST_PLANS
    assert executable.run(batches(3, np.float64))[0]["loss"][0] == first


def test_what_needs_more_memory_than_there_is_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    executable = Executable(dense_training(), parameters(np.float32), np.float32)
    monkeypatch.setattr("gradc_runtime.system.files.free_memory", lambda: 20_000_000)
    with pytest.raises(SessionError, match=r"y of 2,500,000 examples needs \d+ MB of memory; 20 M"):
        executable.run(batches(2_500_000, np.float32))


def test_what_has_not_been_checked_is_not_read() -> None:
    executable = Executable(dense_training(), parameters(np.float32), np.float32)
    data = batches(4, np.float32)
    for wrong in (data["t"][:, :2], data["t"].astype(np.float64), data["t"][:, ::-1]):
        with pytest.raises(AssertionError, match="t has been checked before it is bound"):
            executable.run({**data, "t": wrong})
    with pytest.raises(AssertionError, match="4 examples make 3 equal batches"):
        executable.run(data, steps=3)
