"""What is built ahead of a run is all that its calls need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_runtime.cpu import executable
from gradc_runtime.cpu.build_ahead import build_ahead

SPEC = """
model f(x : [6]) -> [3] {{ x |> dense({}) |> tanh |> dense(3) }}
data d(x : [6], y : class(3)) = npz("none.npz")
train on d {{ minimize cross_entropy(f(x), y) using sgd(lr = 0.1), batch 8 }}
"""


@pytest.mark.parametrize(("width", "examples"), [(5, 8), (300, 8), (300, 1)])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_call_asks_for_no_other_kernel(
    width: int, examples: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = gradc.Session(gradc.compile_source(SPEC.format(width)), threads=threads)
    asked: list[set[str]] = []
    original = executable.addresses

    def addresses(kernels: Sequence[Any], word: int, by: str) -> list[int]:
        asked.append({f"{kernel.name} {kernel.source}" for kernel in kernels})
        return original(kernels, word, by)

    monkeypatch.setattr("gradc_runtime.cpu.build_ahead.addresses", addresses)
    runner: Any = session.runner("step/train")
    assert build_ahead(runner, examples) == len(asked[0]) > 1
    monkeypatch.setattr(executable, "addresses", addresses)
    draw = np.random.default_rng(0)
    session.step(x=draw.normal(size=(examples, 6)), y=draw.integers(0, 3, examples))
    assert len(asked) == 2 and asked[1] == asked[0]
