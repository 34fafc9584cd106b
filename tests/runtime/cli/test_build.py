"""`gradc build`: the files that it makes, and what it refuses."""

from __future__ import annotations

import subprocess

import pytest

from tests.runtime.cli.calling import Caller
from tests.runtime.embed.building import NEEDS_CC

pytestmark = NEEDS_CC


def test_a_trained_model_as_a_program(call: Caller) -> None:
    assert call("train", call.spec).code == 0
    answer = call("build", call.spec, "--weights", "runs/line", "-o", "built")
    assert answer.code == 0 and "built/line.h" in answer.out.split()
    found = subprocess.run(["built/line", "-"], input=b"1\n2\n", capture_output=True, check=True)
    wanted = call("run", call.spec, "--weights", "runs/line", "--input", "x=[1, 2]", "--json").data
    assert [float(line) for line in found.stdout.split()] == pytest.approx(wanted["line"], rel=1e-6)


def test_what_is_refused(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no model is called lime" in call("build", call.spec, "lime", "-o", "built").err
    monkeypatch.setenv("CC", "no-such-compiler")
    answer = call("build", call.spec, "-o", "built")
    assert answer.code == 2 and "no C compiler" in answer.err
    assert call("build", call.spec).code == 2
