"""E02xx: names that mean nothing, or two things."""

from __future__ import annotations

from compiler.codes.explanation import Explanation

CODES: dict[str, Explanation] = {}
