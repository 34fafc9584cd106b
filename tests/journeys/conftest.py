"""What the journeys begin with: `gradc` in a folder of its own, on a terminal of 80 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """A caller in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Caller(tmp_path, capsys)
