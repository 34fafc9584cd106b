"""The interface through which the trainer shows progress, and a display that shows nothing.

The displays that draw with rich have a module of their own, `progress`: importing rich takes a
tenth of a start from Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Display(Protocol):
    """What the trainer tells."""

    def start(self, epochs: int, batches: int) -> None:
        """A run of so many epochs of so many batches begins, or goes on."""

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """So many batches of an epoch are done."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """An epoch is over."""

    def note(self, line: str) -> None:
        """Something worth a line."""

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The run is over, one way or another."""


class Silent:
    """Tells nothing."""

    def start(self, epochs: int, batches: int) -> None:
        """Ignored."""

    def batch(self, epoch: int, batch: int, found: Mapping[str, float]) -> None:
        """Ignored."""

    def epoch(self, row: Mapping[str, Any]) -> None:
        """Ignored."""

    def note(self, line: str) -> None:
        """Ignored."""

    def finish(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Ignored."""
