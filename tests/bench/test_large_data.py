"""20 GB train in 1 GB of memory, and a step does not wait for its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.large_data import LARGE, SPEC, in_process


@pytest.mark.bench
def test_20_gb_train_in_1_gb(tmp_path: Path) -> None:
    found = in_process(tmp_path, SPEC, LARGE, steps=150)
    print(found)
    assert (tmp_path / "image.npy").stat().st_size > 20e9
    assert found["MB"] < 1000
    assert found["taking data"] < 0.1 * found["mean"]
