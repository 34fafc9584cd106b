"""Advice on what is missing installs what the extra would, and knows every extra."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import EXTRAS, PACKAGES, advice, optional, package_of

ROOT = Path(__file__).resolve().parents[3]
NO_PROGRAM = {"cuda-test", "dev", "docs", "test"}  # of those who work on gradc


def requirements() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["optional-dependencies"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_advice_names_the_packages_of_the_extra(extra: str) -> None:
    wanted = [line.partition(">=")[0] for line in requirements()[extra]]
    said = [part.strip("'") for part in PACKAGES[EXTRAS[extra]].split()]
    assert [name.lower() for name in wanted] == said


def test_advice_is_one_command_that_needs_no_index_to_have_gradc() -> None:
    assert advice("sklearn", "digits()") == "digits() needs scikit-learn: pip install scikit-learn"
    assert package_of("numba.cuda") == "numba-cuda"
    assert not any("gradc" in package for package in PACKAGES.values())


def test_what_is_missing_is_the_fault_asked_for() -> None:
    with pytest.raises(DataError, match="it needs nowhere: pip install nowhere"):
        PACKAGES["nowhere"] = "nowhere"
        try:
            optional("nowhere", "it", DataError)
        finally:
            del PACKAGES["nowhere"]


def test_every_extra_is_known() -> None:
    assert {*requirements()} - NO_PROGRAM == {*EXTRAS}
