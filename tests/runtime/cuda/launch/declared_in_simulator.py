"""What kernels touch is what their calls say that they touch: edges are made of that alone.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.cuda.devices.simulated_device import SimulatedDevice
from gradc_runtime.cuda.execution import cuda_executable
from gradc_runtime.cuda.launch.kernel_call import CudaCall, Interval
from gradc_runtime.session.session import Session
from tests.runtime.cuda.specs_in_simulator import batch

SPECS = Path(__file__).parents[4] / "specs"
SMALL_CNN = """
model net(x : [6, 6, 2]) -> [3] { x |> conv(4, 3x3) |> relu |> flatten |> dense(3) }
data d(x : [6, 6, 2], label : class(3)) = npz("none.npz")
train on d { minimize cross_entropy(net(x), label) + 1e-3 * l2(net) using adam, batch 4 }
"""


class Watched:
    """Memory of which a call touches only what it says."""

    def __init__(self, memory: Any, call: CudaCall) -> None:
        self.memory, self.call = memory, call

    def check(self, place: int, allowed: Sequence[Interval], how: str) -> None:
        if not any(a <= place < b for a, b in allowed):
            raise IndexError(f"{self.call.note} {how} word {place}")

    def __getitem__(self, place: int) -> Any:
        self.check(place, (*self.call.reads, *self.call.writes), "reads")
        return self.memory[place]

    def __setitem__(self, place: int, value: Any) -> None:
        self.check(place, self.call.writes, "writes")
        self.memory[place] = value


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> SimulatedDevice:
    """A device of which every call is watched."""
    found = SimulatedDevice(1 << 26)
    found.watch = lambda call, words, numbers: (Watched(words, call), Watched(numbers, call))
    monkeypatch.setattr(cuda_executable, "device", lambda: found)
    return found


def program_of(spec: str) -> Program:
    return compile_source(SMALL_CNN) if spec == "cnn" else compile_file(SPECS / f"{spec}.nn")


@pytest.mark.parametrize("spec", ["house", "circle", "adding", "cnn"])
def test_nothing_else_is_touched(spec: str, device: SimulatedDevice) -> None:
    program = program_of(spec)
    session, reference = (Session(program, t, "float64", seed=1) for t in ("cuda", "reference"))
    assert program.training is not None
    inputs = batch(program, program.training.steps[0].entry, 3, 0)
    for _ in range(2):
        found, wanted = session.step(**inputs), reference.step(**inputs)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-9)


def test_what_is_not_declared_is_seen(device: SimulatedDevice) -> None:
    program = program_of("circle")
    session = Session(program, "cuda", "float64", seed=1)
    assert program.training is not None
    inputs = batch(program, program.training.steps[0].entry, 3, 0)
    for part in ("reads", "writes"):
        device.watch = lambda call, words, numbers, part=part: (  # type: ignore[misc]
            Watched(words, replace(call, reads=(), writes=call.writes if part == "reads" else ())),
            Watched(numbers, call),
        )
        with pytest.raises(IndexError, match="s word"):
            session.step(**inputs)
