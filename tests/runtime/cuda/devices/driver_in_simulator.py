"""A session through NVIDIA's driver, which is a fake: what it is given is what kernels want.

The fake takes kernels' parameters, grids and tables as the driver would, and runs the Python
functions of the simulator with them.  Not collected by itself: see `test_simulator.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cuda import simulated_grid
from gradc_runtime.cuda.device_form import HEADER
from gradc_runtime.cuda.devices import driver_device
from gradc_runtime.cuda.devices.device import THREADS, CudaFault
from gradc_runtime.cuda.devices.driver_device import opened
from gradc_runtime.cuda.devices.kernel_cache import Target, name_of
from gradc_runtime.cuda.devices.launch_form import KernelForm, KernelKey, parameters_in
from gradc_runtime.cuda.devices.simulated_device import function_of
from gradc_runtime.cuda.execution import cuda_executable
from gradc_runtime.session.session import Session
from tests.runtime.cuda.devices.fake_driver import FakeDriver

ROOT = Path(__file__).parents[4]
KERNELS: dict[str, KernelKey] = {}


def code_of(kernels: Any, target: Target, *_: Any) -> bytes:
    """No machine code; the names that it would have."""
    KERNELS.update({name_of(kernel, target): kernel for kernel in kernels})
    return b"code"


def run_kernel(fake: FakeDriver, name: str, given: list[int]) -> None:
    """What a GPU would do with a kernel's parameters."""
    key = KERNELS[name]
    words, numbers = fake.bytes.view(np.float32), fake.bytes.view(np.int32)
    assert given[:2] == [0, 0]
    if key.form is KernelForm.ALONE:
        begin, count, pieces, each, slot = given[2:7]
        table, at = given[7:], 0
        if parameters_in(*key.parts[0][:2]) is None:
            table, at = fake.bytes.view(np.int64)[given[7] // 8 :].tolist()[:4096], given[8]
        run_part(key.parts[0], (words, numbers), (begin, count, pieces, each, slot), table, at)
        return
    table = fake.bytes.view(np.int64)[given[2] // 8 :]
    if key.form is KernelForm.SIDE_BY_SIDE:
        for part, first, times in zip(key.parts, given[3::2], given[4::2], strict=True):
            for k in range(times):
                at = first + k * (part[2] + HEADER)
                header = tuple(table[at : at + HEADER].tolist())
                run_part(part, (words, numbers), header, table, at + HEADER)
        return
    for row in reversed(range(given[3])):
        for part, at in zip(key.parts, given[4:], strict=True):
            pieces = int(table[at + 2])
            run_part(part, (words, numbers), (row, 1, pieces, 0, 0), table, at + HEADER)


def run_part(part: Any, memory: Any, header: Any, table: Any, at: int) -> None:
    begin, count, pieces, each, slot = header
    if slot:
        begin, count, live = (int(memory[1][slot + k]) for k in range(3))
        if not live:
            return
    total = pieces * count if each else pieces
    source, number, _ = part
    kernel, arguments = function_of(source, number, 4), (*memory, table, at, begin, count, total)
    simulated_grid.run(kernel, arguments, 2, THREADS)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """The driver of every session that is opened."""
    found = FakeDriver(run=run_kernel)
    monkeypatch.setattr(driver_device, "program_code", code_of)
    gpu = opened(found)
    monkeypatch.setattr(cuda_executable, "device", lambda: gpu)
    return found


def both(spec: str) -> list[Session]:
    program = compile_file(ROOT / "specs" / spec)
    return [Session(program, target, "float32", seed=2) for target in ("cuda", "reference")]


def test_steps_through_the_driver(fake: FakeDriver) -> None:
    cuda, reference = both("circle.nn")
    rng = np.random.default_rng(0)
    given = {"p": rng.normal(size=(20, 2)), "label": rng.integers(0, 2, 20)}
    for session in (cuda, reference):
        entry = session.training.steps[0].entry
        session.advance(session.checked(entry, given, session.fields), 4)
        session.step(**given)
    for name, value in reference.memory.views.items():
        np.testing.assert_allclose(cuda.memory.views[name], value, rtol=2e-4, atol=2e-5)
    assert fake.calls.count("cuGraphLaunch") == 5
    assert fake.calls.count("cuGraphInstantiate") == 2  # for batches of 5 and of 20


def test_sequences_through_the_driver(fake: FakeDriver) -> None:
    cuda, reference = both("adding.nn")
    rng = np.random.default_rng(0)
    lengths = (2, 4, 1)
    entry = cuda.training.steps[0].entry
    types = cuda.program.entries[entry].inputs
    given = {
        name: [rng.normal(size=(n, *t.shape)) for n in lengths] if t.time is not None
        else rng.normal(size=(3, *t.shape))
        for name, t in types.items()
    }  # fmt: skip
    found, wanted = (session.step(**given) for session in (cuda, reference))
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-4)


def test_a_gpu_that_is_lost_leaves_the_session_as_it_was(fake: FakeDriver) -> None:
    session, _ = both("circle.nn")
    given = {"p": np.ones((4, 2)), "label": np.array([0, 1, 1, 0])}
    session.step(**given)
    known = {name: view.copy() for name, view in session.memory.views.items()}
    session.step(**given)
    fake.planted["cuGraphLaunch"] = "CUDA_ERROR_ILLEGAL_ADDRESS"
    with pytest.raises(CudaFault, match="step/train: the GPU failed: a kernel went beyond") as told:
        session.step(**given)
    assert "\n" not in str(told.value)
    fake.planted["cuMemcpyDtoHAsync"] = "CUDA_ERROR_ILLEGAL_ADDRESS"  # nothing works any more
    for name, view in session.memory.views.items():
        np.testing.assert_array_equal(view, known[name], err_msg=name)


def test_no_memory_for_a_batch(fake: FakeDriver) -> None:
    """The message names the batch that would fit."""
    session, _ = both("circle.nn")
    fake.heap.size = 6_000_000
    given = {"p": np.ones((10**6, 2)), "label": np.zeros(10**6, int)}
    with pytest.raises(CudaFault, match=r"GB are free, enough for \d+$"):
        session.step(**given)
