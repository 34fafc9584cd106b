"""A plugin for pytest: every graph that a test runs natively runs in the CUDA simulator.

    NUMBA_ENABLE_CUDASIM=1 python -m pytest -p tests.runtime.cuda.simulator tests/compiler/ops

Tests that run nothing natively are left out.
"""

from __future__ import annotations

import pytest

import tests.support.graphs
from gradc_runtime.cuda import shim
from gradc_runtime.cuda.execution.cuda_executable import CudaExecutable


def pytest_configure(config: pytest.Config) -> None:
    """Put the CUDA executable in the place of the other."""
    assert shim.SIMULATED, "set NUMBA_ENABLE_CUDASIM=1"
    tests.support.graphs.Executable = CudaExecutable  # type: ignore[misc,assignment]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that use `check_compiled`, or `run_compiled` by themselves."""
    kept = [item for item in items if runs_natively(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def runs_natively(item: pytest.Item) -> bool:
    """Whether a test runs graphs through `tests.support.graphs`."""
    by_itself = hasattr(getattr(item, "module", None), "run_compiled")
    return by_itself or "check_compiled" in getattr(item, "fixturenames", ())
