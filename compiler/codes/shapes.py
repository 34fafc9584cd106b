"""E03xx: shapes and types that do not fit."""

from __future__ import annotations

from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {}
