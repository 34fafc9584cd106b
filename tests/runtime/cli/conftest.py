"""The fixture that calls `gradc` in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """A caller in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    return Caller(tmp_path, capsys)
