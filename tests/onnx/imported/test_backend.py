"""ONNX's own node cases: each passes, or is refused in one line; as many pass as the page says."""

from __future__ import annotations

import re
import warnings
from zlib import crc32

import onnx.backend.test
import pytest

from gradc_runtime.onnx.backend import GradcBackend
from gradc_runtime.onnx.imported_operators import table
from tests.onnx.imported.node_cases import PAGE, cases, has_kinds, outcome

SLICES = 24
COUNT = re.compile(r"node cases ([\d,]+) pass")


def slice_of(name: str) -> int:
    return crc32(name.encode()) % SLICES


def claimed() -> int:
    found = COUNT.search(PAGE.read_text())
    assert found is not None
    return int(found[1].replace(",", ""))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_a_slice_of_the_cases(target: str) -> None:
    names = [name for name in cases() if slice_of(name) == (0 if target == "reference" else 7)]
    found = {name: outcome(cases()[name], target) for name in names}
    assert sum(what == "passes" for what in found.values()) > 0.6 * len(found)


@pytest.mark.wide
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_all_cases(target: str) -> None:
    found = [outcome(case, target) for case in cases().values()]
    assert found.count("passes") >= claimed()


def test_the_count_is_what_was_aimed_at() -> None:
    assert claimed() >= 400


def runner() -> onnx.backend.test.BackendTest:
    """ONNX's own runner, over a few operators that are claimed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = onnx.backend.test.BackendTest(GradcBackend, __name__)
    for pattern in ("test_relu_cpu", "test_gemm_all_attributes_cpu", "test_lstm_defaults_cpu"):
        made.include(pattern)
    return made


@pytest.mark.filterwarnings("ignore")
def test_by_the_runner_of_onnx() -> None:
    import unittest

    suite = runner().test_suite
    done = unittest.TextTestRunner(verbosity=0).run(suite)
    assert done.wasSuccessful() and done.testsRun >= 3


def test_kinds_that_a_spec_has() -> None:
    assert has_kinds(cases()["test_relu"]) and not has_kinds(cases()["test_string_concat"])


def test_the_readme_says_the_count() -> None:
    text = (PAGE.parents[1] / "README.md").read_text()
    assert f"{claimed():,} pass" in " ".join(text.split())


def test_the_page_has_every_operator() -> None:
    assert "\n".join(table()) in PAGE.read_text()
