"""Threads that share out a ONCE phase: whoever reads what another wrote has waited for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_runtime.session.session import Session
from tests.support.barriers import unguarded

ROOT = Path(__file__).resolve().parents[4]
SPEC = """
model net(x : [5, 32, 3]) -> [5] {
    x |> conv(13, 1x3, pad = 0x1) |> tanh |> conv(32, 5x5, stride = 2, pad = 2) |> flatten
    |> dense(5)
}
data d(x : [5, 32, 3], y : class(5)) = npz("none.npz")
train on d { minimize cross_entropy(net(x), y) using sgd(lr = 1e-2) }
"""
SPECS = ["mnist_cnn", "gan", "tagging", "unet"]


@pytest.mark.parametrize("name", SPECS)
def test_threads_wait_for_what_another_writes(name: str) -> None:
    program = compile_file(ROOT / "specs" / f"{name}.nn")
    for entry in program.entries.values():
        for phase in entry.phases:
            assert phase.examples or not list(unguarded(entry, phase))


def test_a_barrier_that_one_thread_passes_over_is_kept_in_mind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_SHARING", 0.0)
    monkeypatch.setattr("gradc_runtime.cpu.threads.adaptive.WORTH_WAKING", 0.0)
    program = compile_source(SPEC)
    for entry in program.entries.values():
        for phase in entry.phases:
            assert phase.examples or not list(unguarded(entry, phase))
    rng = np.random.default_rng(0)
    batch = {"x": rng.normal(size=(5, 5, 32, 3)).astype("float32"), "y": np.arange(5)}
    _, expected = Session(program, threads=1).gradients(**batch)
    session = Session(program, threads=2)
    for _ in range(12):
        _, found = session.gradients(**batch)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
