"""What the kernel modules share."""

from __future__ import annotations

from typing import Any

from runtime.cpu.language import types


def number_type(word: int) -> Any:
    """The float type of this many bytes."""
    return types.float32 if word == 4 else types.float64
