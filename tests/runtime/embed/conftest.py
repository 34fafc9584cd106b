"""mnist_cnn's model, built once."""

from __future__ import annotations

import pytest

import gradc
from tests.runtime.embed.building import SPECS, Built


@pytest.fixture(scope="session")
def digit(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """`digit` with its first weights, in a folder of its own."""
    session = gradc.Session(gradc.compile_file(SPECS / "mnist_cnn.nn"), threads=1, seed=0)
    return Built(session, "digit", tmp_path_factory.mktemp("digit"))
