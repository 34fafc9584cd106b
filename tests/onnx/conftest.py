"""The fixture that calls `gradc` in a folder of its own."""

from __future__ import annotations

from tests.runtime.cli.conftest import call

__all__ = ["call"]
