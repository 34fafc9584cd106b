"""E04xx: sizes, limits and settings."""

from __future__ import annotations

from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {}
