"""What the simulator shows, on the device itself; skipped with a reason where there is none.

pytest tests/gpu
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cuda.devices.device import CudaUnavailable
from gradc_runtime.cuda.execution.chosen_device import SIMULATED, device
from gradc_runtime.session.session import Session
from tests.runtime.cuda.specs_in_simulator import batch, flattened

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.nn"))
BOUND = {"float64": 1e-9, "float32": 2e-3}


def why_not() -> str:
    """Why there is no device; nothing where there is one."""
    if SIMULATED:
        return "the simulator is chosen"
    try:
        device()
    except CudaUnavailable as fault:
        return str(fault)
    return ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a GPU")


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_spec_equals_the_reference(spec: Path, dtype: str) -> None:
    """Three steps of three examples."""
    program = compile_file(spec)
    if program.training is None:
        pytest.skip("this spec does not train")
    gpu, reference = (Session(program, t, dtype, seed=1) for t in ("cuda", "reference"))
    close: dict[str, Any] = {"rtol": BOUND[dtype], "atol": BOUND[dtype]}
    entry = program.training.steps[0].entry
    for seed in range(3):
        inputs = batch(program, entry, 3, seed)
        found, wanted = (flattened(s.step(**inputs)) for s in (gpu, reference))
        for name in wanted:
            np.testing.assert_allclose(found[name], wanted[name], **close, err_msg=name)
    for name, value in reference.memory.views.items():
        np.testing.assert_allclose(gpu.memory.views[name], value, **close, err_msg=name)


def test_twice_the_same_run_the_same_bits() -> None:
    program = compile_file(ROOT / "specs" / "mnist_cnn.nn")
    assert program.training is not None
    entry, bits = program.training.steps[0].entry, []
    for _ in range(2):
        session = Session(program, "cuda", seed=3)
        for seed in range(5):
            session.step(**batch(program, entry, 32, seed))
        bits.append(session.memory.words.tobytes())
    assert bits[0] == bits[1]


def test_a_step_copies_no_parameters() -> None:
    program = compile_file(ROOT / "specs" / "mnist_cnn.nn")
    assert program.training is not None
    entry = program.training.steps[0].entry
    session, traffic = Session(program, "cuda", seed=3), device().traffic
    inputs = batch(program, entry, 4, 0)
    session.step(**inputs)
    before = traffic.to_device, traffic.to_host
    session.step(**inputs)
    there, back = traffic.to_device - before[0], traffic.to_host - before[1]
    own = sum(np.asarray(value).nbytes for value in inputs.values())
    assert there < own + 1000 and back < 1000


def test_a_warm_start_imports_no_numba() -> None:
    code = (
        "import sys, numpy, gradc; p = gradc.compile_file(sys.argv[1]);"
        "s = gradc.Session(p, target='cuda'); s.step(sqft=[2.0], paid=[3.0]);"
        "print([m for m in ('numba', 'llvmlite') if m in sys.modules])"
    )
    spec = str(ROOT / "specs" / "house.nn")
    for wanted in (None, "[]"):
        command = [sys.executable, "-c", code, spec]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert wanted is None or done.stdout.strip() == wanted
