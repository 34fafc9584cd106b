"""In these tests steps are verified as they are built, and after each pass."""

from __future__ import annotations

import pytest

from gradc_compiler.whole_step import step_passes


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_passes, "VERIFIED", True)
