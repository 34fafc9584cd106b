"""The data of a library for GPUs, launched as its C code does, computes the model.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cuda.library.gpu_model import GpuModel, PlacedNumber, gpu_model
from gradc_runtime.session.session import Session
from tests.runtime.cuda.devices.driver_in_simulator import KERNELS, run_kernel
from tests.runtime.cuda.devices.fake_driver import FakeDriver

ROOT = Path(__file__).parents[4]
BATCH = 5


def launched(model: GpuModel, fake: FakeDriver, given: dict[str, np.ndarray]) -> np.ndarray:
    """What the model gives, of memory that begins somewhere."""
    (memory,), (table,) = (fake.do_cuMemAlloc(4 * model.words), fake.do_cuMemAlloc(1 << 16))

    def placed(number: PlacedNumber) -> int:
        return number.value + memory // 4 * number.moves

    words = fake.bytes[memory : memory + 4 * model.words].view(np.float32)
    words[:] = 0
    words[: model.filled.size] = model.filled
    fake.bytes.view(np.int64)[table // 8 :][: len(model.table)] = [*map(placed, model.table)]
    for at, array in model.arrays("input"):
        values = np.ascontiguousarray(given[str(array.name)], np.float32).reshape(-1)
        words[at : at + values.size] = values
    for k, (launch, numbers) in enumerate(zip(model.launches, model.parameters, strict=True)):
        KERNELS[f"launch{k}"] = launch.key
        values = [table if j in launch.table else placed(n) for j, n in enumerate(numbers)]
        run_kernel(fake, f"launch{k}", values)
    ((at, array),) = model.arrays("output")
    return words[at : at + BATCH * array.type.size].reshape(BATCH, *array.type.shape).copy()


@pytest.mark.parametrize(("spec", "name"), [("circle", "inside"), ("mnist_cnn", "digit")])
def test_a_library_computes_the_model(spec: str, name: str) -> None:
    program = compile_file(ROOT / "specs" / f"{spec}.nn")
    session = Session(program, "reference", seed=3)
    model = gpu_model(session, name, BATCH)
    rng = np.random.default_rng(0)
    types = program.entries[program.models[name]].inputs
    given = {key: rng.uniform(size=(BATCH, *type.shape)) for key, type in types.items()}
    fake = FakeDriver(1 << 26)
    fake.do_cuMemAlloc(3 << 20)  # the memory begins elsewhere than when it was worked out
    found = launched(model, fake, given)
    np.testing.assert_allclose(found, session.run(name, **given), rtol=2e-4, atol=2e-5)
