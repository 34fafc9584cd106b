"""The fixtures that call `gradc` in a folder of its own, and show a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.cli.calling import Caller
from tests.support.browser import Page, browser, chromium


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    """A caller in a temporary folder."""
    monkeypatch.chdir(tmp_path)
    return Caller(tmp_path, capsys)


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A headless Chromium."""
    if chromium() is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page
